# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for connwatch-fleet(1): goes to /usr/share/fish/vendor_completions.d/connwatch-fleet.fish.
# Commands, options and what they take are read from its --help, so they are never out of date.

function __connwatch_fleet_help # [COMMAND]: the help text of the program on the command line
    set -l program (commandline -opc)[1]
    $program $argv --help 2>/dev/null
end

# "-o", "--output=FORMAT", each with a tab and what it does.
function __connwatch_fleet_options # COMMAND
    for line in (__connwatch_fleet_help $argv | string match -r '^ *-.*')
        set -l parts (string split -m 1 '  ' -- (string trim -l -- $line))
        for option in (string split ', ' -- (string trim -- $parts[1]))
            printf '%s\t%s\n' $option (string trim -- $parts[2])
        end
    end
end

# The values of a placeholder (a word in capitals).
function __connwatch_fleet_values # PLACEHOLDER WORD
    switch $argv[1]
        case FORMAT
            printf '%s\n' short json
        case DIR
            __fish_complete_directories $argv[2]
        case FILE
            __fish_complete_path $argv[2]
    end
end

function __connwatch_fleet
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l commands (__connwatch_fleet_help | string replace -rf '^  ([a-z]+)  *([A-Z].*)' '$1\t$2')
    set -l names (string replace -r '\t.*' '' -- $commands)
    set -l command report
    if not set -q words[2]; and not string match -q -- '-*' $word
        printf '%s\n' $commands
        return
    end
    if set -q words[2]; and contains -- $words[2] $names
        set command $words[2]
    end
    set -l options (__connwatch_fleet_options $command)
    set -l before $words[-1]
    switch $before
        case -o
            set before --output
        case -D
            set before --directory
    end
    # "--output=j" is one word
    set -l given (string match -r '^(--[a-z-]+)=(.*)' -- $word)
    if set -q given[3]
        set -l taken (string replace -rf '^'$given[2]'=([A-Z]+).*' '$1' -- $options)[1]
        __connwatch_fleet_values "$taken" $given[3] | string replace -r -- '^' $given[2]=
        return
    end
    set -l taken (string replace -rf '^'$before'=([A-Z]+).*' '$1' -- $options)[1]
    if test -n "$taken"
        __connwatch_fleet_values $taken $word
        return
    end
    string replace -r '^(--[a-z-]+=)[^\t]*' '$1' -- $options
end

complete -c connwatch-fleet -f -a '(__connwatch_fleet)'
