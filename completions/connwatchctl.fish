# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for connwatchctl(1): goes to /usr/share/fish/vendor_completions.d/connwatchctl.fish.
# Commands, options and what they take are read from its --help, so they are never out of date.

function __connwatchctl_help # [COMMAND]: the help text of the program on the command line
    set -l program (commandline -opc)[1]
    $program $argv --help 2>/dev/null
end

# "-o", "--output=FORMAT", each with a tab and what it does; without an argument that may be left out.
function __connwatchctl_options # COMMAND
    for line in (__connwatchctl_help $argv | string match -r '^ *-.*')
        set -l parts (string split -m 1 '  ' -- (string trim -l -- $line | string replace -r '\[=[A-Z]*\]' ''))
        for option in (string split ', ' -- (string trim -- $parts[1]))
            printf '%s\t%s\n' $option (string trim -- $parts[2])
        end
    end
end

# The values of a placeholder (a word in capitals).
function __connwatchctl_values # PLACEHOLDER WORD
    switch $argv[1]
        case FORMAT
            printf '%s\n' text json
        case AGENT
            for directory in /usr/lib/connwatch /run/connwatch /etc/connwatch
                set -l files $directory/*.agent
                string replace -r '.*/(.*)\.agent$' '$1' -- $files
            end
        case UNIT
            systemctl list-units --all --full --plain --no-legend 2>/dev/null | string replace -r ' .*' ''
        case PID
            __fish_complete_pids
        case HOST
            __fish_print_hostnames
        case COMMAND
            __fish_complete_command
        case DIR
            __fish_complete_directories $argv[2]
        case FILE PATH
            __fish_complete_path $argv[2]
    end
end

function __connwatchctl
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    if not set -q words[2]
        if string match -q -- '-*' $word
            printf '%s\n' --help --version
        else
            __connwatchctl_help | string replace -rf '^  ([a-z]+)  *([A-Z].*)' '$1\t$2'
        end
        return
    end
    set -l options (__connwatchctl_options $words[2])
    set -l before $words[-1]
    switch $before
        case -o
            set before --output
        case -n
            set before --lines
    end
    # "--output=j" is one word
    set -l given (string match -r '^(--[a-z-]+)=(.*)' -- $word)
    if set -q given[3]
        set -l taken (string replace -rf '^'$given[2]'=([A-Z]+).*' '$1' -- $options)[1]
        __connwatchctl_values "$taken" $given[3] | string replace -r -- '^' $given[2]=
        return
    end
    set -l taken (string replace -rf '^'$before'=([A-Z]+).*' '$1' -- $options)[1]
    if test -z "$taken"; and string match -q -- '-*' $word
        string replace -r '^(--[a-z-]+=)[^\t]*' '$1' -- $options
        return
    end
    if test -z "$taken"
        set taken (__connwatchctl_help $words[2] | string replace -rf '^connwatchctl .*\[OPTIONS\.\.\.\][^A-Za-z]*([A-Z]+).*' '$1')[1]
    end
    __connwatchctl_values "$taken" $word
end

complete -c connwatchctl -f -a '(__connwatchctl)'
