import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class History(_message.Message):
    __slots__ = ("item_ids", "event_times_microseconds", "event_types", "event_values", "picked_count")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIMES_MICROSECONDS_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    EVENT_VALUES_FIELD_NUMBER: _ClassVar[int]
    PICKED_COUNT_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    event_times_microseconds: _containers.RepeatedScalarFieldContainer[int]
    event_types: _containers.RepeatedScalarFieldContainer[int]
    event_values: _containers.RepeatedScalarFieldContainer[float]
    picked_count: int
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., event_times_microseconds: _Optional[_Iterable[int]] = ..., event_types: _Optional[_Iterable[int]] = ..., event_values: _Optional[_Iterable[float]] = ..., picked_count: _Optional[int] = ...) -> None: ...

class ItemFilter(_message.Message):
    __slots__ = ("excluded_item_ids", "any_of_categories", "excluded_categories")
    EXCLUDED_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    excluded_item_ids: _containers.RepeatedScalarFieldContainer[str]
    any_of_categories: _containers.RepeatedScalarFieldContainer[str]
    excluded_categories: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, excluded_item_ids: _Optional[_Iterable[str]] = ..., any_of_categories: _Optional[_Iterable[str]] = ..., excluded_categories: _Optional[_Iterable[str]] = ...) -> None: ...

class GenerateCandidatesRequest(_message.Message):
    __slots__ = ("user_id", "scenario", "history", "count", "filter", "bundle_versions", "time_budget", "packed_columns", "intent", "context")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    TIME_BUDGET_FIELD_NUMBER: _ClassVar[int]
    PACKED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    scenario: str
    history: History
    count: int
    filter: ItemFilter
    bundle_versions: _containers.RepeatedScalarFieldContainer[str]
    time_budget: _duration_pb2.Duration
    packed_columns: bool
    intent: str
    context: _containers.ScalarMap[str, str]
    def __init__(self, user_id: _Optional[str] = ..., scenario: _Optional[str] = ..., history: _Optional[_Union[History, _Mapping]] = ..., count: _Optional[int] = ..., filter: _Optional[_Union[ItemFilter, _Mapping]] = ..., bundle_versions: _Optional[_Iterable[str]] = ..., time_budget: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., packed_columns: _Optional[bool] = ..., intent: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PackedColumns(_message.Message):
    __slots__ = ("source_masks", "source_scores", "category_offsets", "category_indexes", "rows")
    SOURCE_MASKS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SCORES_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    source_masks: bytes
    source_scores: bytes
    category_offsets: bytes
    category_indexes: bytes
    rows: bytes
    def __init__(self, source_masks: _Optional[bytes] = ..., source_scores: _Optional[bytes] = ..., category_offsets: _Optional[bytes] = ..., category_indexes: _Optional[bytes] = ..., rows: _Optional[bytes] = ...) -> None: ...

class Candidates(_message.Message):
    __slots__ = ("item_ids", "sources", "source_masks", "source_scores", "titles", "categories", "category_offsets", "category_indexes", "packed")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_MASKS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SCORES_FIELD_NUMBER: _ClassVar[int]
    TITLES_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_OFFSETS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_INDEXES_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedScalarFieldContainer[str]
    source_masks: _containers.RepeatedScalarFieldContainer[int]
    source_scores: _containers.RepeatedScalarFieldContainer[float]
    titles: _containers.RepeatedScalarFieldContainer[str]
    categories: _containers.RepeatedScalarFieldContainer[str]
    category_offsets: _containers.RepeatedScalarFieldContainer[int]
    category_indexes: _containers.RepeatedScalarFieldContainer[int]
    packed: PackedColumns
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[str]] = ..., source_masks: _Optional[_Iterable[int]] = ..., source_scores: _Optional[_Iterable[float]] = ..., titles: _Optional[_Iterable[str]] = ..., categories: _Optional[_Iterable[str]] = ..., category_offsets: _Optional[_Iterable[int]] = ..., category_indexes: _Optional[_Iterable[int]] = ..., packed: _Optional[_Union[PackedColumns, _Mapping]] = ...) -> None: ...

class SourceOutcome(_message.Message):
    __slots__ = ("source", "status", "candidate_count")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[SourceOutcome.Status]
        STATUS_ANSWERED: _ClassVar[SourceOutcome.Status]
        STATUS_LATE: _ClassVar[SourceOutcome.Status]
        STATUS_FAILED: _ClassVar[SourceOutcome.Status]
        STATUS_DISABLED: _ClassVar[SourceOutcome.Status]
    STATUS_UNSPECIFIED: SourceOutcome.Status
    STATUS_ANSWERED: SourceOutcome.Status
    STATUS_LATE: SourceOutcome.Status
    STATUS_FAILED: SourceOutcome.Status
    STATUS_DISABLED: SourceOutcome.Status
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    source: str
    status: SourceOutcome.Status
    candidate_count: int
    def __init__(self, source: _Optional[str] = ..., status: _Optional[_Union[SourceOutcome.Status, str]] = ..., candidate_count: _Optional[int] = ...) -> None: ...

class GenerateCandidatesResponse(_message.Message):
    __slots__ = ("candidates", "bundle_version", "source_outcomes", "user_vector", "history_item_ids")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    USER_VECTOR_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    candidates: Candidates
    bundle_version: str
    source_outcomes: _containers.RepeatedCompositeFieldContainer[SourceOutcome]
    user_vector: _containers.RepeatedScalarFieldContainer[float]
    history_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, candidates: _Optional[_Union[Candidates, _Mapping]] = ..., bundle_version: _Optional[str] = ..., source_outcomes: _Optional[_Iterable[_Union[SourceOutcome, _Mapping]]] = ..., user_vector: _Optional[_Iterable[float]] = ..., history_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class HydrateCandidatesRequest(_message.Message):
    __slots__ = ("user_id", "scenario", "history", "item_ids", "bundle_versions", "packed_columns", "context")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    PACKED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    scenario: str
    history: History
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    bundle_versions: _containers.RepeatedScalarFieldContainer[str]
    packed_columns: bool
    context: _containers.ScalarMap[str, str]
    def __init__(self, user_id: _Optional[str] = ..., scenario: _Optional[str] = ..., history: _Optional[_Union[History, _Mapping]] = ..., item_ids: _Optional[_Iterable[str]] = ..., bundle_versions: _Optional[_Iterable[str]] = ..., packed_columns: _Optional[bool] = ..., context: _Optional[_Mapping[str, str]] = ...) -> None: ...

class HydrateCandidatesResponse(_message.Message):
    __slots__ = ("candidates", "bundle_version", "user_vector", "history_item_ids")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    USER_VECTOR_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    candidates: Candidates
    bundle_version: str
    user_vector: _containers.RepeatedScalarFieldContainer[float]
    history_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, candidates: _Optional[_Union[Candidates, _Mapping]] = ..., bundle_version: _Optional[str] = ..., user_vector: _Optional[_Iterable[float]] = ..., history_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class SimilarItemsRequest(_message.Message):
    __slots__ = ("item_id", "scenario", "count", "filter")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    scenario: str
    count: int
    filter: ItemFilter
    def __init__(self, item_id: _Optional[str] = ..., scenario: _Optional[str] = ..., count: _Optional[int] = ..., filter: _Optional[_Union[ItemFilter, _Mapping]] = ...) -> None: ...

class SimilarItem(_message.Message):
    __slots__ = ("item_id", "title", "score")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    score: float
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class SimilarItemsResponse(_message.Message):
    __slots__ = ("items", "bundle_version")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[SimilarItem]
    bundle_version: str
    def __init__(self, items: _Optional[_Iterable[_Union[SimilarItem, _Mapping]]] = ..., bundle_version: _Optional[str] = ...) -> None: ...
