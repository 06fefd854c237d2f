"""What every part of the configuration is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


RegimeName = Literal["bull", "bear", "sideways"]
REGIME_NAMES: tuple[RegimeName, ...] = ("bull", "bear", "sideways")
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A frozen part of the configuration that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class RegimeNumbers(Section):
    """One number per regime."""

    bull: float = 0.0
    bear: float = 0.0
    sideways: float = 0.0
