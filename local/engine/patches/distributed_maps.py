"""AWS evaluates JSONata in a distributed Map as in any other state.

Source: AWS Step Functions Developer Guide, "Using Map state in Distributed mode",
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

MiniStack 1.5.33 reads a distributed Map as JSONPath, so that its items are not those of the expression. It runs inline
Maps in JSONata, so this patch runs the Map as an inline one. Two differences from AWS remain: an item is no execution
of its own, and an inner state sees the variables of the states around the Map.
"""

import support


def apply():
    """Run a distributed Map that uses JSONata as an inline Map."""
    from ministack.services import stepfunctions

    run_map_items = support.original(stepfunctions, "_run_map_items", "(state_def, raw_input, execution, ctx)")
    query_language = support.original(stepfunctions, "_state_query_language", "(state_def, ctx=None)")

    def run_inline(state_def, raw_input, execution, ctx):
        processor = state_def.get("ItemProcessor") or {}
        mode = (processor.get("ProcessorConfig") or {}).get("Mode")
        if mode == "DISTRIBUTED" and query_language(state_def, ctx) == "JSONata":
            state_def = {**state_def, "ItemProcessor": {**processor, "ProcessorConfig": {"Mode": "INLINE"}}}
        return run_map_items(state_def, raw_input, execution, ctx)

    stepfunctions._run_map_items = run_inline
