"""What the reference shows of a package: its exported names, each at the outermost package."""

from __future__ import annotations

from collections.abc import Iterator

import griffe


class ExportedNames(griffe.Extension):
    """Lets functions win over their files, and takes names off a subpackage's page.

    The file `htp/fitting/fit.py` defines `fit`, and `htp.fitting` exports the function: for Python
    the name `htp.fitting.fit` is the function, for griffe it is the file. A name that
    `multipliers` exports is not documented again with `multipliers.circuits`.
    """

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: object) -> None:
        """Go through a loaded package and its subpackages."""
        loader.resolve_aliases(implicit=True, external=False)
        # All are found while files still have their names.
        found = [
            (package, name, _find(package, name))
            for package in _packages(pkg)
            for name in map(str, package.exports or ())
        ]
        seen: set[str] = set()
        for package, name, exported in found:
            if package.members[name] is not exported:
                package.members[name] = griffe.Alias(name, exported, parent=package)
            if exported.path in seen:
                package.members[name].public = False
            seen.add(exported.path)


def _packages(package: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a package, then the packages inside it."""
    yield package
    for module in package.modules.values():
        if module.is_init_module:
            yield from _packages(module)


def _find(module: griffe.Module, name: str) -> griffe.Object:
    """Return what a name of a module stands for, where it is defined."""
    if name not in module.imports:
        return module.members[name]
    source, _, original = module.imports[name].rpartition(".")
    return _find(module.modules_collection[source], original)
