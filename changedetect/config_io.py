"""Frozen option dataclasses from plain TOML values and back; knows nothing of any option in particular.

cattrs and pydantic were weighed: cattrs turns `"5"` into 5, `1.7` into 1 and `"no"` into True unless every hook is
replaced, and pydantic ignores unknown keys of a standard dataclass. An option file must refuse all of these.
"""

import ast
import difflib
import inspect
import json
import textwrap
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from changedetect.errors import ConfigError

T = TypeVar("T")

Parsers = Mapping[type, Callable[[str], Any]]
"""How a type that TOML has no notion of is read from text: `{Window: Window.parse}`."""

_COMMENT_WIDTH = 100
_SCALARS: dict[object, type | types.UnionType] = {
    bool: bool, int: int, float: int | float, str: str, Path: str | Path, date: date
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What stays the same while the tables of one file are walked."""

    where: str
    """What the user calls the source of the values, first in every message."""
    parsers: Parsers
    """Types read from text."""

    def error(self, path: str, value: object, expected: str) -> ConfigError:
        return ConfigError(f"{self.where}: {path} is {value!r}: expected {expected}")


def fill(cls: type[T], values: Mapping[str, Any], where: str, parsers: Parsers | None = None) -> T:
    """Build a dataclass from plain values by its type hints; keys that are not given keep their defaults.

    Parameters
    ----------
    cls
        A dataclass whose fields are bool, int, float (an int will do), str, date, Path, Literal, `tuple[X, ...]`,
        `tuple[X, Y]`, `X | None`, another such dataclass, or a type of `parsers`.
    values
        As `tomllib` gives them; a nested dataclass is a table, which may name only some of its keys.
    where
        What the values come from, for messages: `run.toml`, `--set`.
    parsers
        How other types are read from text.

    Raises
    ------
    ConfigError
        A key is unknown or missing, or a value has the wrong type or is refused by the dataclass itself.

    Examples
    --------
    >>> from changedetect.model import Window
    >>> fill(Window, {"start": date(2023, 5, 1), "end": date(2023, 5, 9)}, "run.toml").end.day
    9
    """
    return _build(cls, values, "", _Context(where=where, parsers=parsers or {}))


def _build(cls: type[T], values: Mapping[str, Any], path: str, context: _Context, base: object = None) -> T:
    """Fill `cls`; `base` is the instance that keys not given are taken from, None for the defaults of `cls`."""
    options = [option for option in fields(cls) if option.init]  # type: ignore[arg-type]
    known = {option.name: option for option in options}
    hints = get_type_hints(cls)
    for key in values:
        if key not in known:
            msg = f"{context.where}: unknown option {_join(path, key)!r}{closest(key, known)}; {_listed(path, known)}"
            raise ConfigError(msg)
    given = {
        key: _convert(hints[key], value, _join(path, key), context, getattr(base, key, _default(known[key])))
        for key, value in values.items()
    }
    if base is None and (missing := [o.name for o in options if o.name not in given and _default(o) is MISSING]):
        msg = f"{context.where}: {_join(path, missing[0])} is missing: it has no default, give it"
        raise ConfigError(msg)
    try:
        return cls(**given) if base is None else replace(base, **given)  # type: ignore[type-var, return-value]
    except ConfigError as error:
        msg = f"{context.where}: {f'[{path}] ' if path else ''}{error}"
        raise ConfigError(msg) from error


def _convert(hint: object, value: Any, path: str, context: _Context, default: object = None) -> Any:  # noqa: ANN401 - a value of any type
    """Turn one TOML value into what `hint` says; `default` is what the field would hold without it."""
    if isinstance(hint, type) and hint in context.parsers:
        return _parse(hint, value, path, context)
    if hint in _SCALARS:
        return _convert_scalar(hint, value, path, context)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in arguments):
            raise context.error(path, value, f"{_spell(hint)}{closest(str(value), map(str, arguments))}")
        return value
    if origin is tuple:
        return _convert_tuple(hint, value, path, context)
    if origin in {Union, types.UnionType}:
        arms = [arm for arm in arguments if arm is not types.NoneType]
        if len(arms) == 1:  # `X | None`; a choice of two types would hide which of them was misspelt
            return None if value is None else _convert(arms[0], value, path, context, default)
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise context.error(path, value, f"a table of options ({', '.join(o.name for o in fields(hint))})")
        return _build(hint, value, path, context, default if isinstance(default, hint) else None)
    msg = f"config_io can't fill {path}: {hint}"
    raise TypeError(msg)


def _convert_scalar(hint: object, value: Any, path: str, context: _Context) -> Any:  # noqa: ANN401 - of type `hint`
    # bool is an int to Python, but `workers = true` is a mistake.
    fits = isinstance(value, _SCALARS[hint]) and (hint is bool or not isinstance(value, bool))
    if not fits:
        raise context.error(path, value, _spell(hint))
    return float(value) if hint is float else Path(value) if hint is Path else value


def _parse(hint: type, value: object, path: str, context: _Context) -> Any:  # noqa: ANN401 - whatever the parser gives
    if isinstance(value, hint):
        return value
    # An unquoted date is a date to TOML; the parser reads it as it was written.
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str):
        raise context.error(path, value, f"{hint.__name__} as text")
    try:
        return context.parsers[hint](text)
    except (ConfigError, ValueError) as error:
        msg = f"{context.where}: {path}: {error}"
        raise ConfigError(msg) from error


def _convert_tuple(hint: object, value: object, path: str, context: _Context) -> tuple[Any, ...]:
    arguments = get_args(hint)
    repeated = len(arguments) == 2 and arguments[1] is Ellipsis
    if not isinstance(value, list | tuple) or not (repeated or len(value) == len(arguments)):
        raise context.error(path, value, _spell(hint))
    hints = [arguments[0]] * len(value) if repeated else arguments
    return tuple(
        _convert(one, item, f"{path}[{i}]", context) for i, (one, item) in enumerate(zip(hints, value, strict=True))
    )


def _spell(hint: object) -> str:
    """Name a type as a person would."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return f"a list, each item {_spell(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_spell, arguments))}"
    if origin in {Union, types.UnionType}:
        return " or ".join(_spell(arm) for arm in arguments if arm is not types.NoneType)
    words: dict[object, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
    }
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def closest(word: str, known: Iterable[str]) -> str:
    """Say which known word was probably meant, or nothing.

    >>> closest("kind", ["kinds", "radius_m"])
    " (did you mean 'kinds'?)"
    """
    found = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _listed(path: str, known: Iterable[str]) -> str:
    return f"known{f' in [{path}]' if path else ''}: {', '.join(known) or 'none'}"


def _default(option: Field[Any]) -> object:
    return option.default_factory() if option.default_factory is not MISSING else option.default


def assign(values: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Copy `values` with one `key.sub=value` set, as `--set` takes it.

    The value is read as TOML; what is not TOML is text, so that a shell needs no second pair of quotes.

    >>> assign({"diff": {"min_area_m2": 400}}, "diff.detector=ir-mad")
    {'diff': {'min_area_m2': 400, 'detector': 'ir-mad'}}
    """
    dotted, equals, text = assignment.partition("=")
    keys = [key.strip() for key in dotted.split(".")]
    if not equals or not all(keys):
        msg = f"--set {assignment!r}: write key=value, as in diff.detector=ir-mad"
        raise ConfigError(msg)
    result = table = dict(values)
    for depth, key in enumerate(keys[:-1], start=1):
        inner = table.get(key, {})
        if not isinstance(inner, Mapping):
            msg = f"--set {assignment!r}: {'.'.join(keys[:depth])} is {inner!r}, not a table: it has no {keys[depth]!r}"
            raise ConfigError(msg)
        table[key] = dict(inner)
        table = table[key]
    table[keys[-1]] = _toml_or_text(text.strip())
    return result


def _toml_or_text(text: str) -> object:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if len(parsed) == 1 else text


def commented_toml(instance: object) -> str:
    """Write a dataclass as TOML: every field under its docstring, its value, and nested dataclasses as tables.

    A field that holds None is a commented-out key, for TOML has no None. `fill` reads the text back to an equal
    instance.
    """
    return "\n".join(_table(instance, "")).strip() + "\n"


def _table(instance: object, path: str) -> list[str]:
    docs, hints = _field_docs(type(instance)), get_type_hints(type(instance))
    lines, tables = [], []
    for option in fields(instance):  # type: ignore[arg-type]
        value, comment = getattr(instance, option.name), _comment(docs.get(option.name, ""))
        if is_dataclass(value) and not isinstance(value, type) and type(value).__str__ is object.__str__:
            name = _join(path, option.name)
            tables += ["", *comment, f"[{name}]", *_table(value, name)]
        elif value is None:
            lines += [*comment, f"#{option.name} = <{_spell(hints[option.name])}>"]
        else:
            lines += [*comment, f"{option.name} = {_toml(value)}"]
    return [*lines, *tables]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _COMMENT_WIDTH)]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    # JSON's string is TOML's basic string, but for DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _field_docs(cls: type) -> dict[str, str]:
    """Docstrings of a dataclass's fields: the string literal that follows each, its bases' fields included."""
    docs: dict[str, str] = {}
    for base in reversed([c for c in cls.__mro__ if is_dataclass(c)]):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        except (OSError, TypeError):  # no source at hand (a frozen app): defaults without comments
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for pair in pairwise(statements):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[name] = text
    return docs
