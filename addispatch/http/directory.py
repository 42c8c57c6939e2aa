"""The directory (address book, groups, routes …) under ``/api/v1/directory``: read, add, replace, remove, import."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from addispatch.http.body import read_directory
from addispatch.http.problem import Json, Problem
from addispatch.http.routes import Document, Ops, Who
from addispatch.http.schema import ENTRY_BODY, PROBLEMS

router = APIRouter(prefix="/api/v1/directory", responses=PROBLEMS, tags=["directory"])

Directory = Annotated[dict[str, Any], Depends(read_directory)]
Table = Annotated[str, Path(max_length=40)]
Name = Annotated[str, Path(max_length=200)]

_TABLE = "/{table}"
#: A name may contain a slash.
_ENTRY = "/{table}/{name:path}"


@router.get("")
async def export(operations: Ops, actor: Who) -> Json:
    """The whole directory, in the shape of directory.toml."""
    return Json(await operations.directory_export(actor))


@router.post("/import", openapi_extra=ENTRY_BODY)
async def import_document(operations: Ops, actor: Who, document: Directory) -> Json:
    """Add or change the entries of a whole document.

    Idempotent; answers counts per table. One wrong entry and nothing is changed.
    """
    return Json(await operations.directory_import(actor, document))


@router.get(_TABLE)
async def entries(operations: Ops, actor: Who, table: Table) -> Json:
    """One table."""
    return Json(await operations.directory_entries(actor, table))


@router.post(_TABLE, openapi_extra=ENTRY_BODY)
async def put_entry(operations: Ops, actor: Who, table: Table, entry: Document) -> Json:
    """Add or replace one entry, found by its `name`."""
    return Json(await operations.directory_put(actor, table, entry))


@router.get(_ENTRY)
async def entry_by_name(operations: Ops, actor: Who, table: Table, name: Name) -> Json:
    """One entry; upper and lower case are the same."""
    found: Any = (await operations.directory_entries(actor, table)).get(table)
    for entry in found if isinstance(found, list) else ():
        if str(entry.get("name", "")).casefold() == name.casefold():
            return Json(entry)
    raise Problem(404, f"name: there is no {table} {name!r}", "name")


@router.put(_ENTRY, openapi_extra=ENTRY_BODY)
async def put_named(operations: Ops, actor: Who, table: Table, name: Name, entry: Document) -> Json:
    """Add or replace the entry of this name."""
    if str(entry.setdefault("name", name)).casefold() != name.casefold():
        raise Problem(422, f"name: {entry['name']!r} is not the {name!r} of the path", "name")
    return Json(await operations.directory_put(actor, table, entry))


@router.delete(_ENTRY)
async def delete_entry(operations: Ops, actor: Who, table: Table, name: Name) -> Json:
    """Remove one entry; refused while another one refers to it."""
    return Json(await operations.directory_delete(actor, table, name))
