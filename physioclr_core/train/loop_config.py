"""How a network is trained: optimiser, schedule, batches and what is kept; shared by pretraining and fine-tuning.

Nothing here imports PyTorch: a form can be built from the JSON schema of these classes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]

# Random numbers are drawn for this many records at a time, so that they depend neither on the number of processes
# nor on how many records fit into memory at once.
RECORDS_A_CHUNK = 16


class OptimizerConfig(BaseModel):
    """AdamW and the course of its learning rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_learning_rate: Positive = Field(1e-3, description="Learning rate at the end of the warm-up")
    schedule: Literal["one-cycle", "constant"] = Field(
        "one-cycle", description="Linear rise and cosine fall, or linear rise and a constant rate"
    )
    warmup_fraction: Fraction = Field(0.1, description="Share of all steps in which the rate rises")
    weight_decay: Annotated[float, Field(ge=0.0)] = Field(
        0.02, description="Decay of weights; biases and norms have none"
    )
    betas: tuple[Fraction, Fraction] = Field((0.9, 0.95), description="Memory of AdamW's two moments")
    clip_norm: Positive = Field(1.0, description="Gradients longer than this are shortened to it")


class LoopConfig(BaseModel):
    """Length, batches, precision and what is kept of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Annotated[int, Field(ge=0)] = Field(0, description="Decides weights, order, augmentation and dropout")
    n_epochs: Count = Field(20, description="Passes over the training records")
    batch_size: Count = Field(64, description="Records in a step, over all processes")
    micro_batch_size: Annotated[int, Field(ge=0)] = Field(
        0, description="Records in memory at once; 0: all of a process. Contrastive objectives see so many negatives"
    )
    ema_decay: Fraction = Field(0.998, description="Decay of the running average of the weights, which is what is kept")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 on GPUs and processors with instructions for it, else fp32"
    )
    compile: bool = Field(False, description="Compile the network with torch.compile")
    n_loader_threads: Annotated[int, Field(ge=0)] = Field(1, description="Threads that prepare batches; 0: none")
    checkpoint_minutes: Positive = Field(5.0, description="Time between two checkpoints within an epoch")
    validate_every: Count = Field(1, description="Epochs from one validation to the next")
    tensorboard: bool = Field(False, description="Also write TensorBoard events (needs the extra of that name)")

    @model_validator(mode="after")
    def _check(self) -> LoopConfig:
        if self.micro_batch_size > self.batch_size:
            raise ValueError("micro_batch_size must not exceed batch_size")
        return self
