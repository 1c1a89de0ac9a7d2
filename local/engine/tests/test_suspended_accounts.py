"""An organization closes an account: can a role of it be assumed before and after?"""

from tests import engines, probes


class SuspendedAccountsTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("done", "AccessDenied")

    def probe(self, engine):
        manager, account = engines.new_account(), engines.new_account()
        role = engine.role(account)
        sts = engine.client("sts", account)
        before = engines.outcome(sts.assume_role, RoleArn=role, RoleSessionName="probe")
        engines.outcome(engine.client("organizations", manager).close_account, AccountId=account)
        return before, engines.outcome(sts.assume_role, RoleArn=role, RoleSessionName="probe")
