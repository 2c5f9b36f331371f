"""How long each part of a network that migrates takes in ONNX Runtime, by its profiler.

    shots ─► level ─► constant stacks ─► velocity cells ─► travel times ─► migration ─► image cells ─► both images

Names of nodes say nothing of modules.  So the graph gets an output behind each part: a node belongs to the first part
whose output needs it, in the graph that the runtime has optimised, too.
"""

import json
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from torch import Tensor, nn

from compressors.bundles.bundle import load_bundle
from compressors.graphs.onnx_graph import INPUT, export_onnx
from search_spaces.networks.migrating import MigratingNetwork

PARTS = ("level of the shots", "constant stacks", "velocity cells", "travel times", "migration", "image cells")
WARM = 2  # runs before those that count
NODE = "_kernel_time"  # ends the name of a node in the profile


class Tapped(nn.Module):
    """What `deployed`, which wraps `network`, makes on the way: an output for each of PARTS."""

    def __init__(self, deployed: nn.Module, network: MigratingNetwork) -> None:
        super().__init__()
        self.deployed, self.network = deployed, network

    def forward(self, shots_BSTR: Tensor) -> tuple[Tensor, ...]:
        net, made = self.network, list[Tensor]()
        hooks = [net.front.arrange.register_forward_pre_hook(lambda _, given: made.append(given[0]))]
        for part in (net.front.arrange, net.velocity, net.migration.times, net.migration):
            hooks.append(part.register_forward_hook(lambda _, given, output: made.append(output)))
        image_B2ZX = self.deployed(shots_BSTR)
        for hook in hooks:
            hook.remove()
        return (*made, image_B2ZX)


def tapped_graph(bundle: Path) -> bytes:
    """The bundle's graph with an output behind each of PARTS."""
    loaded = load_bundle(bundle)
    assert isinstance(loaded.network, MigratingNetwork)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tapped.onnx"
        export_onnx(Tapped(loaded.deployed, loaded.network), loaded.contents.shape, file)
        return file.read_bytes()


def one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it warns of the graph that is saved below
    return options


def open_graph(graph: bytes, options: onnxruntime.SessionOptions | None = None) -> onnxruntime.InferenceSession:
    """On one thread."""
    return onnxruntime.InferenceSession(graph, options or one_thread(), providers=["CPUExecutionProvider"])


def time_of_parts(graph: bytes, shots_BSTR: NDArray[np.float32], runs: int) -> list[float]:
    """Of a graph of `tapped_graph` [ms]: of each of PARTS the sum over its nodes, medians over the runs."""
    with TemporaryDirectory() as folder:
        options = one_thread()
        options.enable_profiling, options.profile_file_prefix = True, f"{folder}/profile"
        options.optimized_model_filepath = f"{folder}/optimised.onnx"
        session = open_graph(graph, options)
        for _ in range(WARM + runs):
            session.run(None, {INPUT: shots_BSTR})
        events = json.loads(Path(session.end_profiling()).read_text())
        part_of = parts_of_nodes(onnx.load(options.optimized_model_filepath).graph)
    microseconds = defaultdict[str, list[int]](list)
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(NODE):
            microseconds[event["name"].removesuffix(NODE)].append(event["dur"])
    medians = {name: median(each[WARM:]) for name, each in microseconds.items()}
    own = min(medians.values())  # of the profiler: the fastest node does nothing
    times = [0.0] * len(PARTS)
    for name, each in medians.items():
        times[part_of[name]] += (each - own) / 1e3
    return times


def parts_of_nodes(graph: onnx.GraphProto) -> dict[str, int]:
    """Name → the first output that needs the node."""
    maker = {name: node for node in graph.node for name in node.output}
    found: dict[str, int] = {}
    for part, output in enumerate(graph.output):
        needed = [output.name]
        while needed:
            node = maker.get(needed.pop())
            if node is not None and node.name not in found:
                found[node.name] = part
                needed += node.input
    return found
