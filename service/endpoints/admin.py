"""What an administrator may ask of this service."""

from __future__ import annotations

from http import HTTPMethod

from service import admin
from service.endpoints.calls import PAGING, get, post
from service.identity import Door
from service.openapi import Parameter
from service.shapes import admin as shapes

STAFF = Door.ADMINISTRATOR
ONE, VERSION = "/v1/admin/{kind}/{id}", "/v1/admin/{kind}/{id}/versions/{version}"

ADMIN = (
    get(
        STAFF,
        "/v1/admin/catalogue/export",
        "exportCatalogue",
        "Everything in force, JSON or YAML",
        admin.export_catalogue,
        shapes.Catalogue,
        query=(Parameter("format", {"type": "string", "enum": ["json", "yaml"]}),),
        errors=("bad_query",),
    ),
    post(
        STAFF,
        "/v1/admin/catalogue/import",
        "importCatalogue",
        "Drafts of a whole catalogue, all or nothing",
        admin.import_catalogue,
        shapes.CatalogueBody,
        {201: shapes.Imported},
        also_accepts=(admin.YAML,),
        own_body=True,
    ),
    post(
        STAFF,
        "/v1/admin/{kind}",
        "createDocument",
        "A first draft",
        admin.create,
        shapes.DocumentBody,
        {201: shapes.Drafted},
        key="optional",
        errors=("conflict", "not_found"),
    ),
    get(
        STAFF,
        "/v1/admin/{kind}",
        "listDocuments",
        "Documents of a kind",
        admin.list_documents,
        shapes.VersionList,
        query=(Parameter("state", {"type": "string"}), *PAGING),
        errors=("bad_query", "not_found"),
    ),
    get(
        STAFF,
        ONE,
        "readCatalogueDocument",
        "The newest version",
        admin.read_document,
        shapes.VersionAnswer,
        errors=("not_found",),
    ),
    post(
        STAFF,
        ONE,
        "editDocument",
        "The next version",
        admin.edit,
        shapes.DocumentBody,
        {200: shapes.Drafted},
        key="optional",
        errors=("not_found", "precondition_required", "precondition_failed", "changed"),
        method=HTTPMethod.PUT,
    ),
    get(
        STAFF,
        f"{ONE}/diff",
        "diffVersions",
        "Where two versions differ",
        admin.diff,
        shapes.Differences,
        query=(
            Parameter("from", {"type": "integer"}, required=True, description="the older version"),
            Parameter("to", {"type": "integer"}, required=True, description="the newer version"),
        ),
        errors=("not_found",),
    ),
    get(STAFF, VERSION, "readVersion", "One version", admin.read_version, shapes.VersionAnswer, errors=("not_found",)),
    post(
        STAFF,
        f"{VERSION}/submit",
        "submitVersion",
        "Through the gate",
        admin.submit,
        None,
        {200: shapes.Submitted},
        errors=("not_found", "conflict", "prohibited"),
    ),
    post(
        STAFF,
        f"{VERSION}/approve",
        "approveVersion",
        "The second pair of eyes",
        admin.approve,
        shapes.ApproveBody,
        {200: shapes.StateAnswer},
        errors=("not_found", "conflict", "four_eyes", "changed", "prohibited"),
    ),
    post(
        STAFF,
        f"{VERSION}/simulate",
        "simulateVersion",
        "To how many it would apply, in tens",
        admin.simulate,
        None,
        {200: shapes.ImpactAnswer},
        errors=("not_found", "conflict", "budget_spent"),
    ),
    post(
        STAFF,
        f"{VERSION}/dry-run",
        "tryVersion",
        "What it would do for somebody who does not exist",
        admin.dry_run,
        shapes.SyntheticPerson,
        {200: shapes.DryRun},
        errors=("not_found", "conflict"),
    ),
    post(
        STAFF,
        f"{VERSION}/suspend",
        "suspendVersion",
        "Stop it at once",
        admin.suspend,
        None,
        {200: shapes.StateAnswer},
        errors=("not_found", "conflict"),
    ),
    post(
        STAFF,
        f"{VERSION}/resume",
        "resumeVersion",
        "Start it again, by two",
        admin.resume,
        None,
        {200: shapes.StateAnswer},
        errors=("not_found", "conflict", "four_eyes"),
    ),
    post(
        STAFF,
        f"{VERSION}/retire",
        "retireVersion",
        "End it from a day on",
        admin.retire,
        shapes.RetireBody,
        {200: shapes.StateAnswer},
        errors=("not_found", "conflict"),
    ),
)
