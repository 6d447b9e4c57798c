"""Completion scripts for bash, zsh and fish: nothing is asked of kvmspec while somebody types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Value:
    """What completes a value: files, folders, one of `words`, several of them with commas, or nothing."""

    kind: Literal["files", "folders", "words", "list", "any"]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """An option: `-f`, `--file`. Without a value it is a switch."""

    names: tuple[str, ...]
    help: str
    value: Value | None = None
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its options, and what its arguments are. One of a group has both names, `image pull`;
    a group's own argument is which of them."""

    name: str
    help: str
    options: tuple[Option, ...]
    argument: Value | None

    @property
    def group(self) -> str:
        """The group it is in; empty for others."""
        return self.name.rpartition(" ")[0]


def _groups(commands: Sequence[Command]) -> list[str]:
    return list(dict.fromkeys(command.group for command in commands if command.group))


_HEAD = "# {shell} completion for kvmspec, made by `kvmspec completion {shell}`\n"
_ROOT = (Option(("--version",), "Print the version"), Option(("-h", "--help"), "Show help and exit"))


def bash(commands: Sequence[Command]) -> str:
    """The script for bash 4 or later."""
    cases = "\n".join(_bash_case(command) for command in commands)
    names = " ".join(command.name for command in commands if not command.group)
    root = " ".join(name for option in _ROOT for name in option.names)
    script = _BASH.replace("@GROUPS", "|".join(_groups(commands)) or "''")
    script = script.replace("@CASES", cases).replace("@NAMES", names).replace("@ROOT", root)
    return _HEAD.format(shell="bash") + script


_BASH = """\
_kvmspec_words() { mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur"); }
_kvmspec_list() {
    local done=''
    [[ $cur == *,* ]] && done=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$done" -W "$*" -- "${cur##*,}")
    compopt -o nospace
}
_kvmspec_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
_kvmspec_folders() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); }

_kvmspec() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' options argument='' word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == -* ]] && continue
        command=${command:+$command }$word
        [[ $command == @(@GROUPS) ]] || break
    done
    # bash cuts --option=value at the `=`
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $command in
@CASES
        *)
            [[ -z $command ]] || return 0
            options='@ROOT'
            argument='words @NAMES'
            ;;
    esac
    if [[ $cur == -* ]]; then
        _kvmspec_words "$options"
    elif [[ -n $argument ]]; then
        # shellcheck disable=SC2086  # a function and its words
        _kvmspec_$argument
    fi
}
complete -F _kvmspec kvmspec
"""


def _bash_case(command: Command) -> str:
    inner, options = " " * 12, [name for option in command.options for name in option.names]
    named: dict[Value, list[str]] = {}
    for option in command.options:
        if option.value:
            named.setdefault(option.value, []).extend(option.names)
    lines = [f"{inner}    {' | '.join(n)}) {_bash_value(value)}return ;;" for value, n in named.items()]
    if lines:
        lines = [f"{inner}case $prev in", *lines, f"{inner}esac"]
    arg = command.argument
    words = [arg.kind, *arg.words] if arg and arg.kind != "any" else []
    lines += [f"{inner}options='{' '.join(options)}'", f"{inner}argument='{' '.join(words)}'", f"{inner};;"]
    return "\n".join([f"        {_pattern(command)})", *lines])


def _pattern(command: Command) -> str:
    return _quoted(command.name) if command.group else command.name


def _bash_value(value: Value) -> str:
    return "" if value.kind == "any" else " ".join((f"_kvmspec_{value.kind}", *value.words)) + "; "


def zsh(commands: Sequence[Command]) -> str:
    """The script for zsh: for a folder of `$fpath`, or to be sourced after compinit."""
    described = "\n".join(
        f"        {_quoted(_colons(c.name) + ':' + c.help)}" for c in commands if not c.group
    )
    cases = "\n".join(_zsh_case(command) for command in commands)
    root = " ".join(_zsh_option(option) for option in _ROOT)
    script = (
        _ZSH.replace("@GROUPS", "|".join(_groups(commands)) or "''")
        .replace("@COMMANDS", described)
        .replace("@CASES", cases)
        .replace("@ROOT", root)
    )
    return "#compdef kvmspec\n" + _HEAD.format(shell="zsh") + script


_ZSH = """\
_kvmspec() {
    local curcontext="$curcontext" state line
    local -a commands
    commands=(
@COMMANDS
    )
    _arguments -C @ROOT '1: :->command' '*:: :->rest' && return
    case $state in
        command) _describe -t commands 'kvmspec command' commands ;;
        rest)
            local name=$words[1]
            if (( CURRENT > 2 )) && [[ $name == (@GROUPS) ]]; then
                name+=" $words[2]"
                shift words
                (( CURRENT-- ))
            fi
            case $name in
@CASES
            esac
            ;;
    esac
}
if [[ $funcstack[1] == _kvmspec ]]; then _kvmspec "$@"; else compdef _kvmspec kvmspec; fi
"""


def _zsh_case(command: Command) -> str:
    specs = [_zsh_option(option) for option in command.options]
    if command.argument:
        specs.append(_quoted(f"*:{command.argument.kind}:{_zsh_value(command.argument)}"))
    joined = " \\\n".join(f"{' ' * 24}{spec}" for spec in specs)
    return f"{' ' * 16}{_pattern(command)})\n{' ' * 20}_arguments \\\n{joined}\n{' ' * 20};;"


def _zsh_option(option: Option) -> str:
    """`'(-y --yes)'{-y,--yes}'[Do not ask]'`."""
    before = "*" if option.repeatable else f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    names = [f"{name}=" if option.value and name.startswith("--") else name for name in option.names]
    spec = f"[{_brackets(option.help)}]"
    if option.value:
        spec += f":{option.names[-1].lstrip('-')}:{_zsh_value(option.value)}"
    if len(names) == 1:
        return _quoted(before + names[0] + spec)
    return (_quoted(before) if before else "") + "{" + ",".join(names) + "}" + _quoted(spec)


def _zsh_value(value: Value) -> str:
    words = " ".join(value.words)
    return {
        "files": "_files", "folders": "_files -/", "words": f"({words})", "any": " ",
        "list": f"_values -s , permission {words}",
    }[value.kind]  # fmt: skip


def fish(commands: Sequence[Command]) -> str:
    """The script for fish 3 or later."""
    lines = ["complete -c kvmspec -f"]
    lines += [_fish("__fish_use_subcommand", option) for option in _ROOT]
    groups = _groups(commands)
    for command in commands:
        own = command.name.rpartition(" ")[2]
        lines.append(
            f"complete -c kvmspec -n {_fish_before(command, commands)} -a {own} -d {_escaped(command.help)}"
        )
        inside = f"__fish_seen_subcommand_from {command.group}; and " if command.group else ""
        seen = _escaped(f"{inside}__fish_seen_subcommand_from {own}")
        lines += [_fish(seen, option) for option in command.options]
        if command.argument and command.argument.kind != "any" and command.name not in groups:
            lines.append(f"complete -c kvmspec -n {seen} {_fish_value(command.argument, required=False)}")
    return _HEAD.format(shell="fish") + "\n".join(lines) + "\n"


def _fish_before(command: Command, commands: Sequence[Command]) -> str:
    """Where the command's own name is to be completed."""
    if not command.group:
        return "__fish_use_subcommand"
    names = " ".join(c.name.rpartition(" ")[2] for c in commands if c.group == command.group)
    seen = "__fish_seen_subcommand_from"
    return _escaped(f"{seen} {command.group}; and not {seen} {names}")


def _fish(condition: str, option: Option) -> str:
    names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
    value = f" {_fish_value(option.value, required=True)}" if option.value else ""
    return f"complete -c kvmspec -n {condition} {names}{value} -d {_escaped(option.help)}"


def _fish_value(value: Value, *, required: bool) -> str:
    words = " ".join(value.words)
    only = "-x " if required else ""
    return {
        "files": "-r -F" if required else "-F",
        "folders": f"{only}-a '(__fish_complete_directories)'",
        "words": f"{only}-a {_escaped(words)}",
        "list": f"{only}-a '(__fish_append , {words})'",
        "any": "-x",
    }[value.kind]


def _quoted(text: str) -> str:
    """For a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(text: str) -> str:
    """For fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _brackets(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _colons(text: str) -> str:
    return text.replace(":", "\\:")


SCRIPTS: Mapping[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
