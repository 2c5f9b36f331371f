"""What the end of each command's --help shows: lines to copy, and what they are for."""

EXAMPLES: dict[str, dict[str, str]] = {
    "demo": {"seisnas demo -o demo.png": "an image within the first minute"},
    "generate": {
        "seisnas generate --preset presets/openfwi.yml": "the preset's data set",
        "seisnas generate --set data.folder=data/more --set data.seed=7": "other models of the same kind",
        "seisnas generate --velocity-from model.sgy --set data.velocity_file.spacing=12.5": "windows of your own model",
    },
    "import": {
        "seisnas import FlatVel_A -o data/flat --preset presets/openfwi.yml --set target=velocity": "OpenFWI",
        "seisnas import line.sgy --models models.npy --migrate -o data/line": "shots and models, with RTM images",
    },
    "check-data": {
        "seisnas check-data data/openfwi": "before hours of training",
        "seisnas check-data --preset presets/openfwi.yml": "and is it the preset's?",
    },
    "show-data": {"seisnas show-data --count 6 -o sheet.png": "velocity, one shot and image of six models"},
    "inspect": {
        "seisnas inspect line.sgy -o line.png --preset line.yml": "headers, what fits, a picture, a draft preset",
        "seisnas inspect 1001.dat 1002.dat shots.npy --bundle exports/field": "several files, beside one bundle",
    },
    "pretrain": {
        "seisnas pretrain --preset presets/openfwi.yml": "a GAN on the data set's shots",
        "seisnas pretrain --set pretrain.kind=autoencoder": "a masked autoencoder instead",
    },
    "show-gan": {"seisnas show-gan runs/openfwi/pretrain/gan -o gan": "walk.gif and sheet.png"},
    "search": {
        "seisnas search --set search.strategy=halving --set search.candidates=16": "the better half goes on, and again",
        "seisnas search --set search.strategy=darts": "a supernet of all operations",
    },
    "tune": {
        "seisnas tune --from runs/quickstart/search": "what a search found",
        "seisnas tune --from runs/quickstart/search --max-latency 3": "another point of its front (Archai)",
        "seisnas tune --set network.model=unet --set tune.epochs=30": "a U-Net instead",
    },
    "compress": {
        "seisnas compress --from runs/quickstart/tune --set compress.sparsity=0.8": "four of five weights go",
        "seisnas compress --from runs/quickstart/tune --set compress.pruner=channel": "narrower, which is faster too",
    },
    "pick-train": {
        "seisnas pick-train mine.npz": "modelled gathers, then your labelled ones; prints the cross-validated error",
        "seisnas pick-train shots/ -o exports/mine": "no labels: learns from your gathers' own onsets",
        "seisnas pick-train shots/ --start field": "in a minute: from the picker that comes with the program",
    },
    "compare": {"seisnas compare --preset presets/openfwi.yml --set compare.seeds=2": "hours; it can be stopped"},
    "run": {
        "seisnas run": "the quick start",
        "seisnas run --config my_nni_config.yml --port 8081": "your own, beside another one",
    },
    "status": {"seisnas status": "of the latest experiment", "seisnas status k3x": "of the one whose id begins so"},
    "view": {"seisnas view --port 8081": "the page of an experiment that has ended"},
    "ls": {"seisnas ls": "its trials", "seisnas ls --all": "all experiments"},
    "logs": {"seisnas logs 3": "the third trial's last lines", "seisnas logs manager": "of NNI itself"},
    "best": {"seisnas best": "of each stage: scores, settings, folder"},
    "stop": {"seisnas stop": "what has finished stays; seisnas resume goes on"},
    "resume": {"seisnas resume": "after Ctrl-C, a crash or a reboot"},
    "report": {
        "seisnas report": "report.html of the latest experiment",
        "seisnas report 97moc k3x -o beside.html": "two experiments side by side",
    },
    "export-study": {
        "seisnas export-study sqlite:///study.db": "the latest experiment, for optuna-dashboard",
        "seisnas export-study study.db --experiment 97moc": "another one",
    },
    "export": {
        "seisnas export": "the winner of the experiment",
        "seisnas export runs/quickstart/tune -o exports/dense": "of a run",
        "seisnas export --max-params 50000 -o exports/small": "the best that is so small",
    },
    "predict": {
        "seisnas predict openfwi shots.npy -o image.png": "with the bundle that comes with the program",
        "seisnas predict exports/quickstart shots.npy -o image.npy -o image.png": "numbers and a picture",
        "seisnas predict exports/quickstart line.sgy --resample -o image.sgy": "another sampling",
        "seisnas predict exports/quickstart shots.npy --explain": "does the velocity explain the shots?",
        "seisnas predict exports/quickstart shots.npy --migrate": "RTM in the velocity predicted",
    },
    "adapt": {
        "seisnas adapt openfwi shots.npy -o exports/mine": "trained on its own velocities of your shots, if that helps",
    },
    "model": {
        "seisnas model exports/quickstart model.bin --shape 221x601 --unit 1000 --spacing 15 --at 800,3000": "a window",
    },
    "pick": {
        "seisnas pick exports/field gather.sgy -o picks.csv -o picks.png": "times and a picture",
        "seisnas pick --classical gathers/ -o picks.csv": "without a network, all files of a folder",
    },
    "bench-model": {"seisnas bench-model exports/quickstart": "its latency beside the big networks'"},
    "doctor": {"seisnas doctor": "what this machine has and lacks"},
    "hosts": {"seisnas hosts --config nni_config.remote.yml": "what the other machines have and lack"},
}


def shown_examples(command: str) -> str:
    """As the help of a command prints it."""
    lines = [f"- `{line}`: {purpose}" for line, purpose in EXAMPLES[command].items()]
    return "\n\n".join(["Examples:", *lines])
