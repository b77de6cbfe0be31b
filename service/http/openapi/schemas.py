"""Component schemas of the OpenAPI document from pydantic models. Pure.

Requests are closed: an unknown member is a fault. Answers are open, because members are added to them. A catalogue
document is in both; in answers its schemas are named `Stored…`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from consent.documents.schema import StrictDocument
from service.http.openapi.field_docs import describe_fields
from service.http.openapi.named import COMPONENT, REFERENCE

REF: Final = "#/components/schemas/{model}"
STORED: Final = "Stored"
"""Begins the name of a document's schema in answers."""
Mode = Literal["validation", "serialization"]
Schemas = dict[str, dict[str, Any]]


def component_schemas(
    requests: Collection[type[BaseModel]], answers: Collection[type[BaseModel]], documents: Collection[type[BaseModel]]
) -> Schemas:
    """Return all component schemas by name, sorted; `documents` are sent and answered.

    Raises:
        ValueError: two different schemas have one name.
    """
    sent = _generated("validation", {*requests, *documents})
    answered = _generated("serialization", {*answers, *documents})
    different = {name for name in sent.keys() & answered.keys() if sent[name] != answered[name]}
    while more := {
        name for name in sent.keys() & answered.keys() - different if used_names("schemas", answered[name]) & different
    }:
        different |= more
    if unclear := different & {model.__name__ for model in (*requests, *answers)}:
        raise ValueError(f"a body and an answer have the schema {sorted(unclear)}")
    names = {name: f"{STORED}{name}" for name in different}
    stored = {names.get(name, name): _renamed(schema, names) for name, schema in answered.items()}
    return dict(sorted({**sent, **stored}.items()))


def used_schemas(paths: Mapping[str, Any], schemas: Schemas) -> Schemas:
    """Return the schemas that paths refer to, directly or through another schema."""
    used: set[str] = set()
    waiting = used_names("schemas", paths)
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting |= used_names("schemas", schemas[name])
    return {name: schema for name, schema in schemas.items() if name in used}


def used_names(section: str, value: Any) -> set[str]:
    """Return the names of all components of a section, such as `schemas`, that a value refers to."""
    if isinstance(value, list):
        return set().union(*(used_names(section, inner) for inner in value))
    if not isinstance(value, Mapping):
        return set()
    target = str(value.get("$ref", ""))
    own = {target.rpartition("/")[2]} if target.startswith(f"#/components/{section}/") else set()
    return own.union(*(used_names(section, inner) for inner in value.values()))


def reference_to(model: type[BaseModel]) -> dict[str, str]:
    """Return the reference to a model's schema."""
    return {"$ref": REF.format(model=model.__name__)}


def _generated(mode: Mode, models: set[type[BaseModel]]) -> Schemas:
    generators: list[_Generator] = []

    class Recorded(_Generator):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            generators.append(self)

    inputs: list[tuple[type[BaseModel], Mode]] = [
        (model, mode) for model in sorted(models, key=lambda model: model.__name__)
    ]
    _, generated = models_json_schema(inputs, ref_template=REF, schema_generator=Recorded)
    definitions: Schemas = generated.get("$defs", {})
    # Pydantic tells two classes of one name apart by their modules, which no client should read.
    if unclear := [name for name in definitions if "__" in name]:
        raise ValueError(f"two models have one name: {unclear}")
    merged = {**{name: _without_title(schema) for name, schema in definitions.items()}, **generators[0].components}
    return {name: _renamed(schema, {}) for name, schema in merged.items()}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a schema with `$ref` in the place of REFERENCE, and with the references of `names` renamed."""
    if isinstance(value, dict):
        target = value.get("$ref") or (REF.format(model=value[REFERENCE]) if REFERENCE in value else None)
        plain = {name: _renamed(inner, names) for name, inner in value.items() if name not in (REFERENCE, "$ref")}
        if target is None:
            return plain
        model = target.rpartition("/")[2]
        return {"$ref": REF.format(model=names.get(model, model)), **plain}
    return [_renamed(inner, names) for inner in value] if isinstance(value, list) else value


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas without titles, with docstrings of members, and as this API sends and reads them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.components: Schemas = {}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        model: type[BaseModel] = schema["cls"]
        described: dict[str, Any] = self._lifted(_without_title(super().model_schema(schema)))
        if self.mode == "serialization":
            described.pop("additionalProperties", None)
        properties, texts = described.get("properties", {}), describe_fields(model)
        for name, field in model.model_fields.items():
            member = field.alias if field.alias in properties else name
            if member not in properties:
                continue
            property_ = properties[member]
            if field.default is None and not field.is_required():
                property_.pop("default", None)
                # A document is stored as it was sent, and refuses a member that is null.
                if self.mode == "serialization" or issubclass(model, StrictDocument):
                    properties[member] = property_ = _not_null(property_)
            if text := texts.get(name):
                property_["description"] = text
        if self.mode == "serialization" and properties:
            # A member of an answer is left out only where its default is None.
            described["required"] = [
                field.alias if field.alias in properties else name
                for name, field in model.model_fields.items()
                if field.is_required() or field.default is not None
            ]
        return described

    def _lifted(self, value: Any) -> Any:
        """Return a schema in which each one that is marked as a component is a reference to it."""
        if isinstance(value, list):
            return [self._lifted(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        inside = {name: self._lifted(inner) for name, inner in value.items()}
        name = inside.get(COMPONENT)
        if not isinstance(name, str):
            return inside
        del inside[COMPONENT]
        if self.mode == "serialization" and inside.get("additionalProperties") is False:
            del inside["additionalProperties"]
        default = {"default": inside.pop("default")} if "default" in inside else {}
        if self.components.setdefault(name, inside) != inside:
            raise ValueError(f"two schemas have the name {name}")
        return {REFERENCE: name, **default}


def _without_title(schema: Any) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "title"}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a member that is left out while it would be null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if not choices:
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {"anyOf": choices, **rest}
