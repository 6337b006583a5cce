"""Messages of any contract out of its descriptor, filled with what nobody expects; a seed makes the same ones again."""

from __future__ import annotations

import random
import time
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

SCRIPTS = (
    *("plain", "naïve", "фильм", "映画", "영화", "ταινία", "סרט", "فيلم", "ฟิล์ม", "🎬🍿"),
    *("a b", 'quo"te', "back\\slash", "%s{}"),
)
NASTY = (
    *("", " ", "\x00", "\n", "\u202e", "'; DROP TABLE events; --", "../../etc/passwd", "NaN", "-1", "\\"),
    '{le="1"}',
)
_REPEATED_TOO_OFTEN = 300
# Columns of one message have one length; features are items times their names.
_VALUES = 2
_VALUES_OF = {"features": _VALUES * _VALUES, "bundle_versions": 0}
_INTEGERS = {FieldDescriptor.CPPTYPE_INT32: 31, FieldDescriptor.CPPTYPE_INT64: 63}
_UNSIGNED = {FieldDescriptor.CPPTYPE_UINT32: 32, FieldDescriptor.CPPTYPE_UINT64: 64}


class StrangeMessages:
    """Fills messages. Every string that can be one carries the mark and a number: no two calls name the same thing."""

    def __init__(self, mark: str, seed: int) -> None:
        """mark: Lower-case letters and digits, by which a text is known again wherever it turns up."""
        self._mark = mark
        self._random = random.Random(seed)
        self._number = 0

    def name(self) -> str:
        """Return a new name of letters, digits and hyphens."""
        self._number += 1
        return f"{self._mark}-{self._number}"

    def allowed(self, descriptor: Descriptor) -> Message:
        """Return a message that the rules of its contract allow."""
        message = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            self._fill(message, field, self._allowed_value, _VALUES_OF.get(field.name, _VALUES))
        return message

    def any(self, descriptor: Descriptor) -> Message:
        """Return a message that its wire format can carry, whatever the rules say; half of its fields are unset."""
        message = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            if self._random.random() < 0.5:
                self._fill(message, field, self._any_value, self._random.randint(1, 5))
        return message

    def garbage(self) -> bytes:
        """Return bytes that are hardly ever a message."""
        return self._random.randbytes(self._random.randint(1, 200))

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return metadata with known keys, unknown ones and binary ones."""
        name = self.name()
        return (
            *((f"x-{name}", name), (f"x-{name}-bin", self._random.randbytes(20)), ("x-tenant", name)),
            *(("tenant", name), ("x-experiment", name), ("authorization", f"Bearer {name}"), ("user-id", name)),
            ("traceparent", self._random.choice((name, f"00-{self._random.randbytes(16).hex()}-{'b' * 16}-00"))),
        )

    def _fill(self, message: Any, field: FieldDescriptor, value_of: Any, values: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            for _ in range(values):
                made = value_of(value)
                if value.message_type is None:
                    getattr(message, field.name)[value_of(key, field.name)] = made
                else:
                    getattr(message, field.name)[value_of(key, field.name)].CopyFrom(made)
        elif field.is_repeated:
            getattr(message, field.name).extend(value_of(field) for _ in range(values))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(value_of(field))
        else:
            setattr(message, field.name, value_of(field))

    def _allowed_value(self, field: FieldDescriptor, of: str = "") -> Any:
        match of or field.name:
            case "scenario":
                return f"{self.name()}/home"
            case "request_id" | "run_id":
                return self.name()
            case "version":
                return f"{self._random.randrange(10**13, 10**14)}"
            case "page_token":
                return ""
            case "vectors":
                return f"v{self._random.randrange(10**6)}"
            case "event_types":
                return self._random.randint(0, 127)
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING:
                return f"{self.name()} {self._random.choice(SCRIPTS)}"
            case FieldDescriptor.CPPTYPE_BOOL:
                return self._random.random() < 0.5
            case FieldDescriptor.CPPTYPE_ENUM:
                return self._random.choice([value.number for value in field.enum_type.values][1:])
            case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
                return self._random.random()
            case FieldDescriptor.CPPTYPE_MESSAGE:
                return self._allowed_message(field.message_type)
        return self._random.randint(1, 50)

    def _allowed_message(self, descriptor: Descriptor) -> Message:
        made: Any = GetMessageClass(descriptor)()
        if descriptor.full_name == "google.protobuf.Timestamp":
            made.FromSeconds(int(time.time()) - self._random.randrange(1000))
        elif descriptor.full_name == "google.protobuf.Duration":
            made.FromSeconds(20)
        elif descriptor.full_name == "google.protobuf.Struct":
            made.update({self.name(): self.name()})
        else:
            made = self.allowed(descriptor)
        return made

    def _any_value(self, field: FieldDescriptor, _: str = "") -> Any:
        wild = self._random
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
                return self.garbage()
            case FieldDescriptor.CPPTYPE_STRING:
                return f"{self.name()}{wild.choice(SCRIPTS + NASTY)}" * wild.choice((1, 1, 1, _REPEATED_TOO_OFTEN))
            case FieldDescriptor.CPPTYPE_BOOL:
                return wild.random() < 0.5
            case FieldDescriptor.CPPTYPE_ENUM:
                return wild.choice((0, 1, -1, 99, 2**31 - 1))
            case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
                return wild.choice((0.0, -0.0, 1e38, -1e38, float("inf"), float("-inf"), float("nan")))
            case FieldDescriptor.CPPTYPE_MESSAGE:
                return self._any_message(field.message_type)
        if bits := _INTEGERS.get(field.cpp_type):
            return wild.choice((0, 1, -1, 2**bits - 1, -(2**bits), wild.randint(-(2**bits), 2**bits - 1)))
        return wild.choice((0, 1, 2 ** _UNSIGNED[field.cpp_type] - 1))

    def _any_message(self, descriptor: Descriptor) -> Message:
        made: Any = GetMessageClass(descriptor)()
        if descriptor.full_name == "google.protobuf.Struct":
            made.update({self.name(): {self.name(): [float("inf"), None, self.name()]}})
            return made
        return self.any(descriptor)
