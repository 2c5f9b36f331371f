"""TensorBoard, as the portal's button starts it."""

from pathlib import Path
from typing import Any

BOARD = """
require('./prelude');
require('./service');
nni.paths = { experimentRoot: '/exp' };
const { NNITensorboardManager } = require('extensions/nniTensorboardManager');
const board = Object.create(NNITensorboardManager.prototype);
Object.assign(board, { tensorboardVersion: '2.21', nniManager: { async getTrialJob() { return { sequenceId: 4 }; } } });
service.trialJobs.t2 = { envId: 'other' };
const folder = id => service.getTrialOutputLocalPath(id).catch(error => error.message);
const command = board.getTensorboardStartCommand(['t1'], ['/'], 6006);
Promise.all([command, folder('t1'), folder('t2'), folder('../x')]).then(say);
"""


def test_tensorboard_stays_on_this_machine_and_reads_the_trial_folder(node: Any, manager: Path) -> None:
    manager.write_text(BOARD)
    command, first, second, outside = node(manager)
    assert command == ["tensorboard", "--host=127.0.0.1 --logdir_spec=4-t1:/", "--port=6006"]
    assert first == "/exp/environments/local-env/trials/t1"
    assert second == "/exp/environments/other/trials/t2"
    assert outside == "refused: ../x is no trial"
