import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SlateFilter(_message.Message):
    __slots__ = ("excluded_item_ids", "any_of_categories", "excluded_categories", "include_seen")
    EXCLUDED_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEEN_FIELD_NUMBER: _ClassVar[int]
    excluded_item_ids: _containers.RepeatedScalarFieldContainer[str]
    any_of_categories: _containers.RepeatedScalarFieldContainer[str]
    excluded_categories: _containers.RepeatedScalarFieldContainer[str]
    include_seen: bool
    def __init__(self, excluded_item_ids: _Optional[_Iterable[str]] = ..., any_of_categories: _Optional[_Iterable[str]] = ..., excluded_categories: _Optional[_Iterable[str]] = ..., include_seen: _Optional[bool] = ...) -> None: ...

class RecommendRequest(_message.Message):
    __slots__ = ("user_id", "scenario", "count", "context", "filter", "request_id", "time_budget", "intent", "onboarding_item_ids")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_BUDGET_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    ONBOARDING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    scenario: str
    count: int
    context: _containers.ScalarMap[str, str]
    filter: SlateFilter
    request_id: str
    time_budget: _duration_pb2.Duration
    intent: str
    onboarding_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_id: _Optional[str] = ..., scenario: _Optional[str] = ..., count: _Optional[int] = ..., context: _Optional[_Mapping[str, str]] = ..., filter: _Optional[_Union[SlateFilter, _Mapping]] = ..., request_id: _Optional[str] = ..., time_budget: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., intent: _Optional[str] = ..., onboarding_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Prediction(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class SlateItem(_message.Message):
    __slots__ = ("item_id", "title", "score", "predictions", "sources", "reason")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    score: float
    predictions: _containers.RepeatedCompositeFieldContainer[Prediction]
    sources: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., score: _Optional[float] = ..., predictions: _Optional[_Iterable[_Union[Prediction, _Mapping]]] = ..., sources: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Slate(_message.Message):
    __slots__ = ("request_id", "items", "bundle_version", "policy", "degraded_reasons", "ranked_candidate_count")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_REASONS_FIELD_NUMBER: _ClassVar[int]
    RANKED_CANDIDATE_COUNT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    items: _containers.RepeatedCompositeFieldContainer[SlateItem]
    bundle_version: str
    policy: str
    degraded_reasons: _containers.RepeatedScalarFieldContainer[str]
    ranked_candidate_count: int
    def __init__(self, request_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[SlateItem, _Mapping]]] = ..., bundle_version: _Optional[str] = ..., policy: _Optional[str] = ..., degraded_reasons: _Optional[_Iterable[str]] = ..., ranked_candidate_count: _Optional[int] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("slate",)
    SLATE_FIELD_NUMBER: _ClassVar[int]
    slate: Slate
    def __init__(self, slate: _Optional[_Union[Slate, _Mapping]] = ...) -> None: ...

class RankRequest(_message.Message):
    __slots__ = ("user_id", "scenario", "item_ids", "count", "context", "filter", "request_id", "time_budget")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SCENARIO_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_BUDGET_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    scenario: str
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    count: int
    context: _containers.ScalarMap[str, str]
    filter: SlateFilter
    request_id: str
    time_budget: _duration_pb2.Duration
    def __init__(self, user_id: _Optional[str] = ..., scenario: _Optional[str] = ..., item_ids: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., context: _Optional[_Mapping[str, str]] = ..., filter: _Optional[_Union[SlateFilter, _Mapping]] = ..., request_id: _Optional[str] = ..., time_budget: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RankResponse(_message.Message):
    __slots__ = ("slate",)
    SLATE_FIELD_NUMBER: _ClassVar[int]
    slate: Slate
    def __init__(self, slate: _Optional[_Union[Slate, _Mapping]] = ...) -> None: ...
