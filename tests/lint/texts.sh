#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Reads what is not C, and the words in all files: shellcheck, pyflakes and codespell, and functions of the
# C library that must not be called. Prints what they say; the exit status is 1 if they say anything.
# shellcheck disable=SC2317 # functions are called by a name that is put together
set -u
cd "$(dirname "$0")/../.." || exit

# All files of the tree with their paths, one a line; build/ is none of it.
files() {
	find . \( -path ./.git -o -path ./build -o -name node_modules -o -name __pycache__ \) -prune \
		-o -type f -printf '%P\n' | sort
}

# Prints the files of standard input whose first line matches $1.
begin_with() {
	while IFS= read -r file; do
		IFS= read -r first <"$file"
		[[ $first =~ $1 ]] && printf '%s\n' "$file"
	done 2>/dev/null
}

check_shell() {
	{
		files | begin_with '^#!.*[/ ](ba)?sh( |$)'
		files | grep -E '\.(sh|bash)$'
	} | sort -u | xargs shellcheck --external-sources || return
	# tests/system/inside/run-case and tests/vm/power/run-play read them, and their functions set $record and others.
	shellcheck --external-sources --shell=bash --exclude=SC2154,SC2034,SC2016 tests/system/cases/* tests/vm/power/plays/*
}

check_python() {
	{
		files | begin_with '^#!.*python3?'
		files | grep -E '\.py$'
	} | sort -u | xargs pyflakes3 | without_noqa
}

# Hands on complaints about lines that have no `# noqa: REASON`; false if there is any.
without_noqa() {
	while IFS=: read -r file line text; do
		sed -n "${line}p" "$file" | grep -q '# noqa: ' || printf '%s:%s:%s\n' "$file" "$line" "$text"
	done | not_a_line
}

# Hands on what it reads; false if that is anything.
not_a_line() {
	! grep ''
}

check_spelling() {
	files | grep -vE '\.(trace|expected|es\.catalog)$|/seeds/' |
		xargs codespell --ignore-words tests/lint/codespell.ignore
}

# Copies without a bound, and numbers read without an error: base/text.h has text_copy() and text_add().
# Comments may name them.
check_banned() {
	local names='strcpy|stpcpy|strcat|strncat|strncpy|stpncpy|wcscpy|wcscat|sprintf|vsprintf|gets'
	names+='|alloca|strdupa|strndupa|strtok'
	names+='|atoi|atol|atoll|atof'
	grep -nE "(^|[^[:alnum:]_])($names) ?\(" --include='*.[ch]' -r watchdog ebpf |
		grep -vE '^[^:]+:[0-9]+:[[:space:]]*(/?\*|//)' | not_a_line
}

for tool in shellcheck pyflakes3 codespell; do
	command -v $tool >/dev/null || { echo "$0: there is no $tool" >&2; exit 1; }
done
failed=0
for what in shell python spelling banned; do
	if "check_$what"; then
		printf '  %-10s ok\n' "$what"
	else
		printf '  %-10s FAIL\n' "$what"
		failed=1
	fi
done
exit $failed
