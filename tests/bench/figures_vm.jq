# SPDX-License-Identifier: Apache-2.0
# The figures to reach. In: an array of what vm.sh measured. Out: an object a
# figure {part, what, target, got, ok}; none for what was not measured, and ok is
# null where there is nothing to reach.
def median: sort | if length == 0 then empty else .[length / 2 | floor] end;
def round3: . * 1000 | round / 1000;

# ratio(PART; ONE; OTHER; UNIT): of two that took turns, each round's median by
# the other's; the median of the rounds.
def ratio($part; $one; $other; $unit):
	map(select(.part == $part and has($unit))) |
	group_by(.round) | map(
		def of($name): map(select(.name == $name)[$unit]) | median;
		of($one) / of($other)) | median;

def figure($part; $what; $target; ok; got):
	got as $got | {part: $part, what: $what, target: $target,
		got: ($got | round3), ok: ($got | ok)};
def least($part; $what; $target; got):
	figure($part; $what; ">= \($target)"; . >= $target; got);
def most($part; $what; $target; got):
	figure($part; $what; "<= \($target)"; . <= $target; got);
def shown($part; $what; got): figure($part; $what; "-"; null; got);

. as $all |
((["tap", "by hand", "tap_hand", 0.95], ["splice", "u32 and mirred", "mirred", 0.97],
	["macvtap", "by hand", "macvtap_hand", 0.95]) as [$one, $beside, $other, $target] |
least("flow"; "throughput, \($one) / \($beside)"; $target;
	$all | ratio("flow"; $one; $other; "bits")),
if $one == "splice" then
	most("flow"; "processors a byte, \($one) / \($beside)"; 1.03;
		$all | ratio("flow"; $one; $other; "cpu"))
else
	shown("flow"; "processors a byte, \($one) / \($beside)";
		$all | ratio("flow"; $one; $other; "cpu"))
end,
shown("flow"; "the whole machine's, \($one) / \($beside)";
	$all | ratio("flow"; $one; $other; "machine")),
most("flow"; "round trip, \($one) / \($beside)"; 1.05;
	$all | ratio("flow"; $one; $other; "us"))),
((["gone", "VMM gone"], ["stopped", "VMM stopped"]) as [$one, $what] |
most("flood"; "processors, flooded, \($what), splice / none"; 1.02;
	$all | ratio("flood"; "splice_\($one)"; "port"; "cpu")),
shown("flood"; "processors, flooded, \($what), u32 and mirred / none";
	$all | ratio("flood"; "mirred_\($one)"; "port"; "cpu")),
shown("flood"; "the whole machine's, splice / none";
	$all | ratio("flood"; "splice_\($one)"; "port"; "machine")),
shown("flood"; "the whole machine's, u32 and mirred / none";
	$all | ratio("flood"; "mirred_\($one)"; "port"; "machine")),
most("flood"; "lines in the log, \($what), splice"; 0;
	$all | map(select(.name == "splice_\($one)").said) | max // empty),
shown("flood"; "lines in the log, \($what), u32 and mirred";
	$all | map(select(.name == "mirred_\($one)").said) | max // empty),
shown("strange"; "processors, no protocol, \($what), splice / none";
	$all | ratio("strange"; "splice_\($one)"; "port"; "cpu")),
shown("strange"; "processors, no protocol, \($what), u32 and mirred / none";
	$all | ratio("strange"; "mirred_\($one)"; "port"; "cpu")))
