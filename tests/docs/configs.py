"""Loads configuration files as JupyterHub does, and says what is wrong with them."""

from collections.abc import Iterator
from pathlib import Path

from jupyterhub.app import JupyterHub
from traitlets.config import Config, LazyConfigValue

from ec2spawner import EC2Spawner

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def load(path: Path) -> JupyterHub:
    """A JupyterHub with this configuration, up to where the Hub's URLs are known."""
    app = JupyterHub()
    app.raise_config_file_errors = True
    app.load_config_file(path.name, path=str(path.parent))
    assert app.loaded_config_files == [str(path)]
    app.init_hub()
    return app


def spawner_of(app: JupyterHub) -> EC2Spawner:
    """A spawner without a user, with what the configuration sets."""
    return EC2Spawner(config=app.config, hub=app.hub)


def configurable_classes(app: JupyterHub) -> dict[str, type]:
    """Every class whose section means something, by name."""
    leaves = [
        JupyterHub,
        EC2Spawner,
        app.authenticator_class,
        app.proxy_class,
    ]
    return {cls.__name__: cls for leaf in leaves for cls in leaf.mro()}


def unrecognised(app: JupyterHub) -> Iterator[str]:
    """The settings of a configuration that no class has.

    traitlets itself only warns of them, and not of classes that nobody knows.
    """
    classes = configurable_classes(app)
    for section, settings in app.config.items():
        if not isinstance(settings, Config):
            yield section
            continue
        cls = classes.get(section)
        known = cls.class_trait_names(config=True) if cls else ()
        yield from (f"{section}.{name}" for name in settings if name not in known)


def settings_of(config: Config) -> list[str]:
    """Every setting of a configuration: ``JupyterHub.hub_ip``."""
    return [
        f"{section}.{name}"
        for section, settings in config.items()
        for name in settings
        if not isinstance(settings[name], LazyConfigValue) or settings[name].to_dict()
    ]
