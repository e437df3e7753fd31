# SPDX-License-Identifier: LGPL-2.1-or-later
# tests/monitoring, included by the Makefile of the tree.

$(B)/tests/monitoring/write_metrics: $(B)/tests/monitoring/write_metrics.o $(B)/watchdog/effects/metrics_writer.o \
		$(B)/libcore.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^

## check-metrics  the metrics in node_exporter and promtool, and the alert rules
check-metrics: $(B)/tests/monitoring/write_metrics
	$(Q)tests/monitoring/run.py $<

.PHONY: check-metrics
