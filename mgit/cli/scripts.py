"""The completion scripts: each shell asks `mgit complete` what fits."""

from __future__ import annotations

BASH = r"""# Completion of mgit for bash: source <(mgit completion bash)
_mgit() {
    local value
    COMPREPLY=()
    while IFS= read -r value; do
        COMPREPLY+=("$value")
    done < <(command mgit complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    case ${COMPREPLY[0]-} in
        */ | *= | *: | *'<' | *'>') compopt -o nospace 2>/dev/null ;;
    esac
}
complete -o default -F _mgit mgit
"""

ZSH = r"""#compdef mgit
# Completion of mgit for zsh: source <(mgit completion zsh), or save it as _mgit in $fpath.
_mgit() {
    local line value about
    local -a whole parts texts
    for line in "${(@f)$(command mgit complete words "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        about=${line#*$'\t'}
        [[ -n $value ]] || continue
        if [[ $value == *[/=:\<\>] ]]; then
            parts+=("$value")
        else
            whole+=("$value")
            texts+=("$value${about:+  -- $about}")
        fi
    done
    if (( ! $#whole && ! $#parts )); then
        _files
        return
    fi
    (( $#whole )) && compadd -l -d texts -a whole
    (( $#parts )) && compadd -S '' -a parts
    return 0
}
if [[ ${funcstack[1]-} == _mgit ]]; then
    _mgit "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _mgit mgit
fi
"""

FISH = r"""# Completion of mgit for fish: save it as ~/.config/fish/completions/mgit.fish
function __mgit_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l found (command mgit complete words $words (commandline -ct) 2>/dev/null)
    if test (count $found) -eq 0
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\n' $found
end
complete -c mgit -e
complete -c mgit -f -a '(__mgit_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
