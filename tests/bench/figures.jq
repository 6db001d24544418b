# SPDX-License-Identifier: Apache-2.0
# The figures to reach. In: an array of what bench.sh measured. Out: an object a
# figure {part, what, target, got, ok}; none for what was not measured.
def rows($test): map(select(.test == $test));
def p10($name; $verb):
	rows("latency") | map(select(.name == $name and .verb == $verb)) |
	if . == [] or .[0].failed == .[0].runs then empty else .[0].p10 end;
def rate($name; $workers):
	rows("parallel") | map(select(.name == $name and .verb == "ADD" and
		.workers == $workers)) | if . == [] then empty else .[0] end;
def round2: . * 100 | round / 100;

def least($part; $what; $target; got):
	[got] | select(. != []) | {part: $part, what: $what,
		target: ">= \($target)", got: .[0] | round2,
		ok: (.[0] >= $target)};
def most($part; $what; $target; got):
	[got] | select(. != []) | {part: $part, what: $what,
		target: "<= \($target)", got: .[0] | round2,
		ok: (.[0] <= $target)};
def times($what; $target; $slow; $fast; $verb):
	. as $all | least("latency"; "\($what) \($verb), times faster"; $target;
		$all | p10($slow; $verb) / p10($fast; $verb));

. as $all |
times("static"; 20; "reference"; "static"; "VERSION"),
times("static"; 11; "reference"; "static"; "ADD"),
times("static"; 25; "reference"; "static"; "CHECK"),
times("static"; 15; "reference"; "static"; "DEL"),
times("static tap"; 8; "reftap"; "tap"; "ADD"),
times("static macvlan"; 10; "refmacvlan"; "macvlan"; "ADD"),
times("dynamic"; 2; "reference"; "dynamic"; "VERSION"),
times("dynamic"; 6; "reference"; "dynamic"; "ADD"),
times("dynamic"; 5; "reference"; "dynamic"; "CHECK"),
times("dynamic"; 8; "reference"; "dynamic"; "DEL"),
times("floor"; 14; "reference"; "floor"; "ADD"),
most("latency"; "static ADD / floor"; 1.5;
	$all | p10("static"; "ADD") / p10("floor"; "ADD")),
most("latency"; "dynamic ADD / floor"; 1.5;
	$all | p10("dynamic"; "ADD") / p10("dynfloor"; "ADD")),
most("latency"; "static tap ADD / floor"; 1.5;
	$all | p10("tap"; "ADD") / p10("floortap"; "ADD")),
(("own1000", "own10000", "own50000", "foreign10000", "foreign50000") as $with |
	("ADD", "CHECK", "DEL") as $verb |
	most("ipam"; "IPAM \($verb), \($with) / none"; 1.3;
		$all | p10($with; $verb) / p10("own0"; $verb))),
least("parallel"; "ADDs/s of 32 workers, times the reference"; 8;
	$all | rate("static"; 32).per_second / rate("reference"; 32).per_second),
most("parallel"; "ADDs of 32 workers that failed"; 0;
	$all | rate("static"; 32).failed),
(("static", "dynamic") as $name | ("VERSION", "ADD", "CHECK", "DEL") as $verb |
	most("memory"; "\($name) \($verb), peak kB";
		if $name == "static" then 1024 else 3072 end;
		$all | rows("memory") | .[] |
		select(.name == $name and .verb == $verb).peak))
