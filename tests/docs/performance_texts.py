"""What docs/performance.md says beside its figures."""

from collections.abc import Mapping

INTRODUCTION = """\
All figures come from the demo portal over loopback, in a process of its own, and are rendered from
[performance/results.json](performance/results.json); a test fails if this page says anything else. Seconds belong to
the machine below; what is judged are ratios and counts, which hold elsewhere, too. Wall clock is that of a whole
process, its start included, for everybody. Requests are counted by the portal, rows by whoever read them. All rows
are read once before anything is timed, so that the portal has them at hand for all alike, and everybody reads the
same 40 fields of every deal (`select` of `*` and `UF_*`). These forty are the portal's own; user fields, above all
lists, cost more: see [growth](#growth-with-rows-and-fields). Ours writes typed Singer records, to /dev/null; the
others keep rows as they came, and write nothing.

One command measures all of it, compares with the targets, and writes this page; its exit code is 1 if a target is
missed:"""

EXPLANATIONS: Mapping[str, str] = {
    "latency": """\
A request takes 80 ms, a page in it 15 ms more, and another 15 ms if the portal has to count the list; no rate limit.
So time is won by having several requests in flight, and by not asking for counts. "In flight" is `max_concurrency`
here and the semaphore of the request handler in fast-bitrix24; b24pysdk and b24api send one request at a time and can
do no other. Each row of the table says what the portal saw of it. The tap's default of 4 is shown, not judged.""",
    "limiter": """\
A portal on a standard plan lets 50 requests through at once and two a second after that. A request brings 2,500 rows
at most, so the floor for N rows is (N / 2,500 − 50) / 2 seconds, whoever reads them. Being above the rate is answered
with 503, which costs the request, and time to recover. A client that sends as fast as it can, and gives up after some
of these, brings nothing at all.""",
    "operating": """\
A portal gives each method 420 seconds of operating time in every ten minutes, then refuses it. Reading several methods
at once uses the operating time of several; reading stream after stream waits for one while the others lie unused. Here
a page is charged so much that the rows of each of five methods take 2.9 times the limit (to know that a list has ended
takes a page more than its rows), and charges are forgotten after 20 seconds instead of ten minutes; the charge is
accounted, not slept. The best possible schedule uses up each method's time as soon as it is there, all methods side by
side: it is done when the third window begins, two windows after the start. A reader that leaves a part of each window
unused needs a fourth. Nobody else reads several methods at once or waits for operating time; what they do instead
(stop, or return what they have as if it were all) is not timed.""",
    "quiet": """\
Most runs of a nightly or hourly extract find little new. Sixty streams are read twice with a catalog given: 42 that
go on from their bookmarks, deals and stage history and children among them, and 18 that are read whole every run,
with at most 50 rows each. Between the two runs nothing changes. What counts is how many requests it takes to know
that.""",
    "changed": """\
One deal in a hundred is changed, in ten moments a minute apart, anywhere between the first id and the last. The
second run goes on from the STATE of the first. A request could bring 2,500 rows; the target leaves room for windows
that are not full.""",
    "million": """\
Memory is that of the tap while it reads all rows of an unlimited portal, looked at every half second; the slope is a
least-squares line through the points from a fifth of the run on. End to end, `tap | target` fills a new DuckDB file,
and the rows in the file are counted. Beside it runs what somebody would write with the Singer SDK in an afternoon: a
plain `RESTStream` over `crm.deal.list` that pages by `start`, types from `crm.deal.fields`, into target-duckdb. It
reads fewer rows, for a million would take it hours; rows a second are compared.""",
    "tap_alone": """\
What the tap itself costs, without a portal: answers come from memory and go through parsing, checks, conversion and
writing, to /dev/null. In turns with it, a plain stream of the SDK writes rows that are typed already with the SDK's
type conformance and writer; it neither parses nor converts. CPU time is compared.""",
    "loader": """\
The loader and target-duckdb get the same file of records like deals, with 40 fields, into a new file and the same
rows again. Speed is rows a second, start included.""",
    "sparse": """\
After years, most ids of a list are gone. Reading by ranges of ids then asks for thousands of empty ranges; a chain
goes from row to row. 100,000 deals stand among 20,000,000 ids, in clusters with deserts between them, against as many
with hardly a gap.""",
    "growth": """\
From 1,000 to 100,000 deals with 10, 40 and 160 fields each, portal without limits or delays. What a row costs must
not grow with their number. At few rows the start of the process is most of it. Up to forty, fields are the portal's
own; nearly all beyond are user fields of every type, lists among them, so a page grows faster than its number of
fields: compare with its size.""",
}
"""Scenario → what is asked there, and why."""

CONNECTIONS = (
    "One full read of a stream, the demo portal keeping its limits: the standard tariff's for REST, 300 requests "
    "a minute and two at once for VibeCode, 100 a minute for a site. The rate limit decides, not the tap. The site's "
    "`orders` and VibeCode's `deals` are the same deals; REST 3.0 has none, its event log has two lines for each and "
    "some more. Of"
)
"""Introduces the table of connections."""
