include $(sort $(wildcard $(BR2_EXTERNAL_CONNWATCH_PATH)/package/*/*.mk))
