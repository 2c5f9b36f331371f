"""The light installation images and picks; what else a command needs comes with an extra (pyproject.toml)."""

EXTRAS: dict[str, tuple[str, ...]] = {  # extra → what its packages are imported as
    "train": (
        "devito",
        "filelock",
        "graphviz",
        "jinja2",
        "onnxscript",
        "pynvml",
        "pytorch_lightning",
        "safetensors",
        "skfmm",
        "tensorboard",
        "threadpoolctl",
        "torch",
        "torch_pruning",
        "torchvision",
    ),
    "nni": ("nni", "pkg_resources", "requests"),
    "cluster": ("dask", "distributed"),
    "study": ("optuna", "optuna_dashboard"),
}
WITH_NNI = ("run", "report", "compress")  # they import something of `train`, which `nni` brings too, before NNI


def how_to_get(missing: ModuleNotFoundError, command: str) -> str | None:
    """What to type for a package that a command lacks; None if no extra brings it."""
    package = (missing.name or "").partition(".")[0]
    for extra, packages in EXTRAS.items():
        if package in packages:
            extra = "nni" if command in WITH_NNI else extra
            return (
                f"{command} needs {package}, which is not installed; it comes with the extra {extra}: "
                f"pip install 'seisnas[{extra}]', in the project's folder pip install -e '.[{extra}]'"
            )
    return None
