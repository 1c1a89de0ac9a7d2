"""AWS simulates policies with the condition keys that the caller of the simulation gives.

Source: IAM API Reference, SimulatePrincipalPolicy, `ContextEntries`,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html

MiniStack 1.5.33 ignores ContextEntries.
"""

import contextvars

import support

simulated = contextvars.ContextVar("simulated", default=None)


def apply():
    """Resolve condition keys by ContextEntries while a simulation runs."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    simulate = support.entry(iam._IAM_HANDLERS, "SimulatePrincipalPolicy", "iam._IAM_HANDLERS")
    support.expect_signature(simulate, "(p)", "iam._simulate_principal_policy")
    resolve = support.original(iam_evaluator, "_resolve_condition_key", support.RESOLVE_CONDITION_KEY)

    def simulate_with_context(p):
        entries, number = {}, 1
        while name := support.first(p, f"ContextEntries.member.{number}.ContextKeyName"):
            value = support.first(p, f"ContextEntries.member.{number}.ContextKeyValues.member.1")
            entries[name.lower()] = value
            number += 1
        reset = simulated.set(entries)
        try:
            return simulate(p)
        finally:
            simulated.reset(reset)

    def resolve_simulated(key, ctx):
        name = key.lower()
        entries = simulated.get() or {}
        return entries[name] if name in entries else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_simulated
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate_with_context
