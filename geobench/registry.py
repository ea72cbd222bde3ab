"""Names to models. The two model packages are imported at the first look-up only."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from geobench.errors import RegistryError, closest

if TYPE_CHECKING:
    from geobench.model import CrossViewModel

MODEL_PACKAGES = ("reference_models", "baselines")

Factory = Callable[..., "CrossViewModel"]
_FACTORIES: dict[str, Factory] = {}


def register_model(name: str) -> Callable[[Factory], Factory]:
    """Register a class or factory under a name; used as a decorator.

    Raises:
        RegistryError: if the name is taken.
    """

    def add(factory: Factory) -> Factory:
        if name in _FACTORIES:
            raise RegistryError(
                f"Model {name!r} is registered twice, by {_FACTORIES[name].__module__} "
                f"and {factory.__module__}. Rename one."
            )
        _FACTORIES[name] = factory
        return factory

    return add


def model_names() -> list[str]:
    """Names of all registered models, sorted."""
    _load_packages()
    return sorted(_FACTORIES)


def build_model(name: str, **variant: Any) -> "CrossViewModel":
    """A fresh model by name; `variant` holds its constructor's arguments.

    Raises:
        RegistryError: if no model has that name; the message names the closest.
    """
    return model_factory(name)(**variant)


def model_factory(name: str) -> Factory:
    """The class or factory behind a name, to read its card without building it.

    Raises:
        RegistryError: if no model has that name; the message names the closest.
    """
    _load_packages()
    if name not in _FACTORIES:
        raise RegistryError(f"No model is called {name!r}. {closest(name, _FACTORIES)}")
    return _FACTORIES[name]


def _load_packages() -> None:
    for package in MODEL_PACKAGES:
        import_module(package)
