"""RankingService: convert, make the slate, convert."""

from __future__ import annotations

import grpc
from trommel.ranking.v1 import ranking_pb2, ranking_pb2_grpc

from services.plumbing.deadlines import deadline_of
from services.ranking.converters.requests import query_of_rank, query_of_recommend
from services.ranking.converters.slates import fill_slate
from services.ranking.settings import RankingSettings
from services.ranking.slate import SlateMaker


class RankingServicer(ranking_pb2_grpc.RankingServiceServicer):
    """Answers with slates."""

    def __init__(self, recommend: SlateMaker, rank: SlateMaker, settings: RankingSettings) -> None:
        """recommend: makes slates of what sources propose; rank: of what the caller brings."""
        self._recommend = recommend
        self._rank = rank
        self._tenant = settings.tenant
        self._time_budget_seconds = settings.time_budget_seconds

    async def Recommend(  # noqa: N802 - the contract's name
        self, request: ranking_pb2.RecommendRequest, context: grpc.aio.ServicerContext
    ) -> ranking_pb2.RecommendResponse:
        """Make a slate for a user."""
        deadline = deadline_of(context, request.time_budget, self._time_budget_seconds)
        slate = await self._recommend.make(query_of_recommend(request, self._tenant, deadline))
        response = ranking_pb2.RecommendResponse()
        fill_slate(response.slate, slate)
        return response

    async def Rank(  # noqa: N802 - the contract's name
        self, request: ranking_pb2.RankRequest, context: grpc.aio.ServicerContext
    ) -> ranking_pb2.RankResponse:
        """Order the items that the caller brings."""
        deadline = deadline_of(context, request.time_budget, self._time_budget_seconds)
        slate = await self._rank.make(query_of_rank(request, self._tenant, deadline))
        response = ranking_pb2.RankResponse()
        fill_slate(response.slate, slate)
        return response
