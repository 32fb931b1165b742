"""How records are changed in training; nothing here imports more than pydantic, so that a form can be built from it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Amount = Annotated[float, Field(ge=0.0)]
Above = Annotated[float, Field(gt=0.0)]


class AugmentConfig(BaseModel):
    """Each change happens to a record with its own probability; 0 switches it off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warp_probability: Probability = Field(0.0, description="Of a smooth change of the time scale")
    warp_share: Annotated[float, Field(ge=0.0, le=0.2)] = Field(0.05, description="Largest local change of speed")
    rotate_probability: Probability = Field(0.0, description="Of a rotation of the vectorcardiogram")
    rotate_degrees: Annotated[float, Field(ge=0.0, le=90.0)] = Field(45.0, description="Largest angle about each axis")
    rotate_scale: Annotated[float, Field(ge=1.0, le=4.0)] = Field(1.5, description="Largest stretch of each axis")
    rotate_keep_rest: bool = Field(True, description="Add back what the vectorcardiogram does not explain")
    gain_probability: Probability = Field(0.0, description="Of another gain, common to all leads")
    gain_factor: Annotated[float, Field(ge=1.0)] = Field(1.25, description="Largest gain; the smallest is its inverse")
    bandwidth_probability: Probability = Field(0.0, description="Of a narrower band, as older recorders have")
    low_pass_hz: tuple[Above, Above] = Field((15.0, 40.0), description="Range of the upper limit")
    high_pass_hz: tuple[Above, Above] = Field((0.05, 0.5), description="Range of the lower limit")
    noise_probability: Probability = Field(0.0, description="Of noise as real electrodes have it")
    noise_scale: Amount = Field(1.0, description="Amplitude relative to what was measured in real recordings")
    white_probability: Probability = Field(0.0, description="Of white noise in every lead")
    white_mv: Amount = Field(0.01, description="Its standard deviation")
    wander_probability: Probability = Field(0.0, description="Of baseline wander")
    wander_mv: Amount = Field(0.15, description="Its largest amplitude at an electrode")
    time_mask_probability: Probability = Field(0.0, description="Of hiding a span of time in all leads")
    time_mask_share: Annotated[float, Field(ge=0.0, le=0.9)] = Field(
        0.2, description="Longest span, share of the segment"
    )
    lead_span_probability: Probability = Field(0.0, description="Of hiding a span of time of its own in every lead")
    lead_span_share: Annotated[float, Field(ge=0.0, le=0.9)] = Field(
        0.5, description="Length of these spans, share of the segment"
    )
    lead_mask_probability: Probability = Field(0.0, description="Of hiding leads")
    lead_mask_share: Probability = Field(0.1, description="Probability of each lead to be hidden; one always stays")
