"""The kind of column that holds ciphertext: declared on a model, so that a check finds every one of them."""

from __future__ import annotations

from tortoise import fields


class Sealed(fields.BinaryField):  # type: ignore[type-arg]
    """A sealed field. `row` is the column authenticated with it; `use` names the service's key, None a person's."""

    def __init__(self, row: str, *, use: str | None = None, null: bool = False) -> None:
        super().__init__(null=null)  # type: ignore[call-overload]
        self.row, self.use = row, use
