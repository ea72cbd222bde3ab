"""Command-line options made from settings, so that each parameter is stated once.

A field `tile_m` becomes `--tile-m`; its docstring is the help, its default is shown,
and the help is divided by the settings class that states the field.
"""

import types
from collections.abc import Callable, Mapping
from inspect import get_annotations
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from geobench.cli.options import ExistingPath

Model = TypeVar("Model", bound=BaseModel)
Command = TypeVar("Command", bound=Callable[..., Any])


class SettingsOption(click.Option):
    """An option that knows the section of the help it belongs to."""

    def __init__(self, *names: str, section: str, **attributes: Any) -> None:
        super().__init__(list(names), **attributes)
        self.section = section


class SettingsCommand(click.Command):
    """A command whose help lists options in the sections of its settings."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write one list of options a section, those without one last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            # An argument stands in the usage line and is explained by the text.
            is_option = isinstance(parameter, click.Option)
            record = parameter.get_help_record(ctx) if is_option else None
            if record is not None:
                section = getattr(parameter, "section", "Options")
                sections.setdefault(section, []).append(record)
        for title, records in sorted(sections.items(), key=lambda s: s[0] == "Options"):
            with formatter.section(title):
                formatter.write_dl(records)


def options_of(settings: type[BaseModel]) -> Callable[[Command], Command]:
    """A decorator that gives a command an option for each field of its settings."""

    def decorate(function: Command) -> Command:
        found = getattr(function, "__click_params__", [])
        made = [option_of(settings, name) for name in _ordered(settings)]
        # click keeps parameters last to first, as decorators are applied.
        function.__click_params__ = [*found, *reversed(made)]  # type: ignore[attr-defined]
        return function

    return decorate


def option_of(settings: type[BaseModel], name: str) -> SettingsOption:
    """The option of one field."""
    field = settings.model_fields[name]
    kind, several = _kind(field.annotation)
    attributes: dict[str, Any] = {"type": _type(kind, field), "multiple": several}
    if kind is bool:
        attributes = {"is_flag": True}
    default = field.get_default(call_default_factory=True)
    if field.is_required():
        attributes["required"] = True
    elif default not in (None, "", ()):
        attributes |= {"default": default, "show_default": kind is not bool}
    elif not several:
        attributes["default"] = default
    text = " ".join((field.description or "").replace("`", "").split())
    return SettingsOption(
        "--" + name.replace("_", "-"),
        section=_section(settings, name),
        help=text,
        **attributes,
    )


def parsed(settings: type[Model], given: Mapping[str, Any]) -> Model:
    """The settings, or a usage error that names the option.

    Raises:
        click.UsageError: if a value is out of its range.
    """
    try:
        return settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        if first["loc"]:
            where = str(first["loc"][0]).replace("_", "-")
            message = f"--{where} {first['input']!r}: {message}"
        message = f"{message[0].upper()}{message[1:]}."
        raise click.UsageError(message) from None


def _kind(annotation: Any) -> tuple[Any, bool]:
    """(type of one value, whether there can be several); None as a choice is dropped.

    A tuple of fixed length is one value of several parts.

    >>> _kind(tuple[int, ...]), _kind(float | None)
    ((<class 'int'>, True), (<class 'float'>, False))
    """
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [a for a in get_args(annotation) if a is not type(None)]
    if get_origin(annotation) is tuple and get_args(annotation)[-1] is Ellipsis:
        return get_args(annotation)[0], True
    return annotation, False


def _type(kind: Any, field: FieldInfo) -> Any:
    if get_origin(kind) is tuple:
        return click.Tuple([_type(part, field) for part in get_args(kind)])
    if get_origin(kind) is Annotated:
        return get_args(kind)[0]
    if get_origin(kind) is Literal:
        return click.Choice(list(get_args(kind)))
    if kind is Path:
        extra = field.json_schema_extra
        what = extra.get("path") if isinstance(extra, dict) else None
        if what is None:
            return click.Path(path_type=Path)
        return ExistingPath(
            path_type=Path, file_okay=what != "folder", dir_okay=what != "file"
        )
    return kind


def _ordered(settings: type[BaseModel]) -> list[str]:
    """Names of fields, those that the class itself states last."""
    classes = [*settings.__mro__[1:], settings]
    return [
        n for c in classes for n in settings.model_fields if _owner(settings, n) is c
    ]


def _owner(settings: type[BaseModel], name: str) -> type:
    """The class that states a field."""
    stating = [c for c in settings.__mro__ if name in get_annotations(c)]
    return stating[-1]


def _section(settings: type[BaseModel], name: str) -> str:
    """The heading of the class that states a field: "Tile" of `TileSettings`."""
    return _owner(settings, name).__name__.removesuffix("Settings")
