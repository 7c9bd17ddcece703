"""Processor time, in seconds, that processes have used until now."""

import asyncio
from pathlib import Path

import asyncpg
import psutil

from app.storage.postgres.dsn import asyncpg_arguments


def of_process(pid: int) -> float:
    """Return the time of a process."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def of_module(module: str) -> float:
    """Return the time of all processes that run a module of Python by name."""
    found = psutil.process_iter(["pid", "cmdline"])
    return sum(of_process(each.pid) for each in found if module in (each.info["cmdline"] or ()))


def of_server(url: str) -> float:
    """Return the time of the PostgreSQL server of a database, with its processes that have ended.

    Another server on the machine may have the same name and other work.
    """
    folder = Path(asyncio.run(_data_folder(url)))
    postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    ended = postmaster.cpu_times()
    running = sum(of_process(each.pid) for each in postmaster.children())
    return running + sum((ended.user, ended.system, ended.children_user, ended.children_system))


async def _data_folder(url: str) -> str:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        folder: str = await connection.fetchval("SHOW data_directory")
    finally:
        await connection.close()
    return folder
