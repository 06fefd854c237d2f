"""What every part of the configuration is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from regimeswitch.settings.renamed import deprecated_properties


RegimeName = Literal["bull", "bear", "sideways"]
REGIME_NAMES: tuple[RegimeName, ...] = ("bull", "bear", "sideways")
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A frozen part of the configuration that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """With the old names of its keys, which are accepted as well."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        properties.update(deprecated_properties(properties))
        return schema


class RegimeNumbers(Section):
    """One number per regime."""

    bull: float = 0.0
    bear: float = 0.0
    sideways: float = 0.0
