// The distribution of GPUs to trials: fixes of NNI's class TaskScheduler.
'use strict';

// NNI never assigns all GPUs of a machine, so a single one would never be assigned.
function allowWholeGpus({ TaskScheduler }) {
  TaskScheduler.prototype.schedule = async function (experimentId, trialId, wanted, restrictions) {
    if (wanted === 0) return { CUDA_VISIBLE_DEVICES: '' };
    this.update().catch(error => console.error('SeisNAS guard: GPUs cannot be read:', error));
    const share = Math.min(wanted, 1); // of each GPU
    const gpus = this.sortGpus(restrictions ?? {}).slice(0, Math.max(1, Math.round(wanted)));
    const free = gpus.filter(gpu => gpu.util + share <= 1.001);
    if (free.length < Math.max(1, Math.round(wanted))) return null;
    for (const gpu of free) {
      gpu.util += share;
      this.trials.push({ gpuIndex: gpu.index, experimentId, trialId, util: share });
    }
    return { CUDA_VISIBLE_DEVICES: free.map(gpu => gpu.index).sort((a, b) => a - b).join(',') };
  };
}

// Reading the GPUs takes a Python process; NNI starts one for each query, even while another is running.
function collectGpusOneAtATime(exports) {
  const collect = exports.collectGpuInfo;
  let pending = null;
  exports.collectGpuInfo = force => {
    pending ??= collect(force).finally(() => { pending = null; });
    return pending;
  };
}

module.exports = { allowWholeGpus, collectGpusOneAtATime };
