"""CandidateService on the wire."""

from __future__ import annotations

import grpc
from trommel.candidates.v1 import candidates_pb2 as pb
from trommel.candidates.v1.candidates_pb2_grpc import CandidateServiceServicer

from services.candidates.converters.answers import fill_candidates, outcome_messages, similar_messages
from services.candidates.converters.queries import query_for_similar, query_to_generate, query_to_hydrate
from services.candidates.pipelines import PipelineChooser
from services.candidates.stages.resolved_query import resolved
from services.plumbing.deadlines import deadline_of
from services.plumbing.tracing import annotate


class CandidateServicer(CandidateServiceServicer):
    """Converts, runs a pipeline, converts."""

    def __init__(self, chooser: PipelineChooser, tenant: str, time_budget_seconds: float) -> None:
        self._chooser = chooser
        self._tenant = tenant
        self._time_budget_seconds = time_budget_seconds

    async def GenerateCandidates(  # noqa: N802
        self, request: pb.GenerateCandidatesRequest, context: grpc.aio.ServicerContext
    ) -> pb.GenerateCandidatesResponse:
        """Propose items for a user."""
        budget = request.time_budget if request.HasField("time_budget") else None
        query = query_to_generate(request, self._tenant, deadline_of(context, budget, self._time_budget_seconds))
        chosen = self._chooser.for_versions(query.bundle_versions)
        annotate("trommel.bundle_version", chosen.version)
        outcome = await chosen.generate.run(query)
        response = pb.GenerateCandidatesResponse(
            bundle_version=chosen.version, source_outcomes=outcome_messages(outcome.source_outcomes)
        )
        known = resolved(outcome.query)
        fill_candidates(
            response.candidates,
            outcome.selected,
            chosen.sources,
            known.view.catalog,
            packed=request.packed_columns,
        )
        if (vector := known.arrived_vector()) is not None:
            response.user_vector.extend(vector.tolist())
        response.history_item_ids.extend(known.read_item_ids or ())
        return response

    async def HydrateCandidates(  # noqa: N802
        self, request: pb.HydrateCandidatesRequest, context: grpc.aio.ServicerContext
    ) -> pb.HydrateCandidatesResponse:
        """Give named items the columns of candidates."""
        query = query_to_hydrate(request, self._tenant, deadline_of(context, None, self._time_budget_seconds))
        chosen = self._chooser.for_versions(query.bundle_versions)
        annotate("trommel.bundle_version", chosen.version)
        outcome = await chosen.hydrate.run(query)
        response = pb.HydrateCandidatesResponse(bundle_version=chosen.version)
        known = resolved(outcome.query)
        fill_candidates(
            response.candidates,
            outcome.selected,
            chosen.sources,
            known.view.catalog,
            packed=request.packed_columns,
        )
        if (vector := known.arrived_vector()) is not None:
            response.user_vector.extend(vector.tolist())
        response.history_item_ids.extend(known.read_item_ids or ())
        return response

    async def SimilarItems(  # noqa: N802
        self, request: pb.SimilarItemsRequest, context: grpc.aio.ServicerContext
    ) -> pb.SimilarItemsResponse:
        """List the items most like one."""
        chosen, pipeline = self._chooser.for_similar(request.item_id)
        annotate("trommel.bundle_version", chosen.version)
        deadline = deadline_of(context, None, self._time_budget_seconds)
        outcome = await pipeline.run(query_for_similar(request, self._tenant, deadline))
        return pb.SimilarItemsResponse(
            items=similar_messages(outcome.selected, resolved(outcome.query).view.catalog),
            bundle_version=chosen.version,
        )
