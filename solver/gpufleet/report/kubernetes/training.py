"""Training runs: Jobs with torchrun, or CronJobs where a run keeps to some hours.

Arguments of the program are named as in Megatron-DeepSpeed; a program with other names needs other arguments.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gpufleet.report.kubernetes import pods
from gpufleet.report.kubernetes.clock import merged
from gpufleet.report.kubernetes.names import slug
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.report.kubernetes.clock import Window
    from gpufleet.report.kubernetes.forms import Form
    from gpufleet.report.kubernetes.pods import Context, Manifest

PORT = 29500
CONFIG = "/config/deepspeed.json"
PROGRAM = f"{pods.TRAINING}/train.py"


def training_objects(context: Context, form: Form, windows: Mapping[str, Window]) -> list[Manifest]:
    """ConfigMap, headless Service (over several nodes) and Job, or one CronJob per window."""
    workload = form.workload
    assert isinstance(workload, Training)
    _check(context, form, workload)
    config = _deepspeed(form, workload)
    runs = _runs(context, form, windows)
    objects = [_config_map(context, form, config)]
    for name, window in runs:
        objects += [_headless(context, form, name)] if form.nodes > 1 else []
        job = _job(context, form, workload, name, None if window is None else window.minutes * 60)
        objects.append(_whole(context, form, name, job) if window is None else _cron(context, form, name, job, window))
    return objects


def _runs(context: Context, form: Form, windows: Mapping[str, Window]) -> list[tuple[str, Window | None]]:
    """(name, window); None: from now on until it is done."""
    periods = [period.name for period in form.resolved.instance.periods]
    if form.is_steady:
        return [(form.name, None)]
    if not all(name in windows for name, count in zip(periods, form.counts, strict=True) if count):
        missing = [name for name, count in zip(periods, form.counts, strict=True) if count and name not in windows]
        words = f"runs in {', '.join(missing)} alone; say when that is with --clock, or start and stop the job by hand"
        context.warn(form.name, f"no-clock: {words}")
        return [(form.name, None)]
    there = merged((windows[name], count) for name, count in zip(periods, form.counts, strict=True) if count)
    return [(f"{form.name}-{number}" if number else form.name, window) for number, (window, _) in enumerate(there)]


def _check(context: Context, form: Form, workload: Training) -> None:
    shape, batch = form.entry.parallelism, form.entry.batch
    if workload.global_batch % (batch * shape.data):
        words = f"{workload.global_batch} samples are no multiple of {batch} samples x {shape.data} data-parallel ranks"
        context.warn(form.name, f"global-batch: {words}; DeepSpeed refuses it")
    if form.entry.precision in ("fp8", "tf32"):
        words = f"{form.entry.precision} arithmetic is switched on in the program, not here"
        context.warn(form.name, f"format-not-mapped: {words}")
    if form.entry.replicas > 1:
        context.warn(form.name, f"replicas: the plan runs {form.entry.replicas} of them; the job is one")
    if _image(form) == "other" or form.accelerator.kind != "gpu":
        context.warn(form.name, f"engine-unknown: torchrun on {form.accelerator.name} needs an image of its vendor")


def _image(form: Form) -> str:
    vendors = {"NVIDIA": "training", "AMD": "training-rocm"}
    return vendors.get(form.accelerator.vendor, "other") if form.accelerator.kind == "gpu" else "other"


def _deepspeed(form: Form, workload: Training) -> str:
    shape = form.entry.parallelism
    config: dict[str, object] = {
        "train_batch_size": workload.global_batch,
        "train_micro_batch_size_per_gpu": form.entry.batch,
        "zero_optimization": {"stage": shape.zero_stage},
    }
    if form.entry.precision in ("bf16", "fp16"):
        config[form.entry.precision] = {"enabled": True}
    return json.dumps(config, indent=2) + "\n"


def _arguments(form: Form, workload: Training, name: str) -> list[str]:
    """torchrun's, then the program's."""
    shape, entry = form.entry.parallelism, form.entry
    each = shape.accelerators // form.nodes
    found = [f"--nnodes={form.nodes}", f"--nproc-per-node={each}", "--max-restarts=3"]
    if form.nodes == 1:
        found.append("--standalone")
    else:
        found += ["--rdzv-backend=c10d", "--rdzv-id=$(JOB_NAME)", f"--rdzv-endpoint=$(JOB_NAME)-0.{name}:{PORT}"]
    found += [PROGRAM, "--deepspeed", f"--deepspeed_config={CONFIG}", f"--tensor-model-parallel-size={shape.tensor}"]
    found += [f"--pipeline-model-parallel-size={shape.pipeline}", f"--micro-batch-size={entry.batch}"]
    found += [
        f"--global-batch-size={workload.global_batch}",
        f"--train-samples={round(workload.samples * workload.epochs)}",
    ]
    found += [f"--seq-length={workload.sequence_tokens}"] if workload.sequence_tokens else []
    if shape.recomputation:
        found += ["--recompute-granularity=full", "--recompute-method=uniform", "--recompute-num-layers=1"]
    kept = f"{pods.TRAINING}/{slug(form.entry.workload)}"  # whatever form goes on with it
    return [*found, f"--load={kept}", f"--save={kept}"]


def _job(context: Context, form: Form, workload: Training, name: str, seconds: int | None) -> Manifest:
    """The specification of a Job: one pod per node, which know their rank."""
    container: Manifest = {
        "name": "torchrun",
        "image": context.settings.image(_image(form)),
        "command": ["torchrun"],
        "args": _arguments(form, workload, name),
        "volumeMounts": [{"name": "config", "mountPath": "/config", "readOnly": True}],
    }
    if form.nodes > 1:
        own_name = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}}
        container["env"] = [{"name": "JOB_NAME", "valueFrom": own_name}]
    each = form.entry.parallelism.accelerators // form.nodes
    spec = pods.pod_spec(context, form, container, each, context.settings.training_claim, pods.TRAINING, writes=True)
    spec["volumes"].append({"name": "config", "configMap": {"name": form.name}})
    spec |= {"restartPolicy": "OnFailure"} | ({"subdomain": name} if form.nodes > 1 else {})
    about = pods.labels(context, form, "torchrun")
    limit = {} if seconds is None else {"activeDeadlineSeconds": seconds}
    return {
        "completions": form.nodes,
        "parallelism": form.nodes,
        "completionMode": "Indexed",
        "backoffLimit": 6,
        **limit,
        "template": {"metadata": {"labels": about}, "spec": spec},
    }


def _whole(context: Context, form: Form, name: str, job: Manifest) -> Manifest:
    about, more = pods.labels(context, form, "torchrun"), pods.expectations(context, form)
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": pods.metadata(context, name, about, more), "spec": job}


def _cron(context: Context, form: Form, name: str, job: Manifest, window: Window) -> Manifest:
    """Starts with the window; the deadline of the job ends it with the window."""
    about, more = pods.labels(context, form, "torchrun"), pods.expectations(context, form)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": pods.metadata(context, name, about, more),
        "spec": {
            "schedule": window.cron[0],
            "timeZone": context.settings.timezone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": min(window.minutes * 60, 600),
            "jobTemplate": {"metadata": {"labels": about}, "spec": job},
        },
    }


def _headless(context: Context, form: Form, name: str) -> Manifest:
    """Gives the pods of a job names, so that they meet at the first."""
    about = pods.labels(context, form, "torchrun")
    port = {"name": "rendezvous", "port": PORT}
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": pods.selector_labels(form),
        "ports": [port],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": pods.metadata(context, name, about), "spec": spec}


def _config_map(context: Context, form: Form, config: str) -> Manifest:
    about = pods.labels(context, form, "torchrun")
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": pods.metadata(context, form.name, about)}
    return {**found, "data": {"deepspeed.json": config}}
