"""What all settings have in common, and how a field names a path."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Frozen settings that refuse unknown keys; docstrings describe fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


def file_field(default: Any = None, **options: Any) -> Any:
    """A field that names an existing file, or several."""
    return Field(default, json_schema_extra={"path": "file"}, **options)


def folder_field(default: Any = None, **options: Any) -> Any:
    """A field that names an existing folder."""
    return Field(default, json_schema_extra={"path": "folder"}, **options)


def any_path_field(default: Any = None, **options: Any) -> Any:
    """A field that names an existing file or folder, or several."""
    return Field(default, json_schema_extra={"path": "any"}, **options)
