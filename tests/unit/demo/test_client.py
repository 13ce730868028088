"""What the demo asks the services for, of a server that answers as they do."""

from aiohttp import web

from demo.client import PAGE, Services

LOTS = [{"lot_id": f"l{number:04}"} for number in range(2 * PAGE + 1)]


async def _page(request: web.Request) -> web.Response:
    limit, after = int(request.query["limit"]), request.query["after"]
    left = [lot for lot in LOTS if lot["lot_id"] > after]
    return web.json_response({"lots": left[:limit], "next": left[limit - 1]["lot_id"] if len(left) > limit else None})


async def test_a_list_is_read_to_its_last_page() -> None:
    application = web.Application()
    application.router.add_get("/lots", _page)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with Services({"audit": f"http://127.0.0.1:{port}"}) as services:
            assert await services.listed("audit", "/lots", "token", "lots") == LOTS
    finally:
        await runner.cleanup()
