"""CloudFormation deploys an alarm on an expression over metrics."""

from tests import engines, probes


def metric(number):
    """Return one of the metrics of an alarm."""
    of_queue = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent", "Dimensions": []}
    return {"Id": f"m{number}", "ReturnData": False, "MetricStat": {"Metric": of_queue, "Period": 300, "Stat": "Sum"}}


def template(metrics):
    """Return a template with an alarm on so many metrics."""
    sum_of_all = {"Id": "all", "Expression": "SUM(METRICS())"}
    return {
        "Resources": {
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "Metrics": [sum_of_all, *(metric(number) for number in range(metrics))],
                    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                },
            }
        }
    }


class MetricMathAlarmsTest(probes.RequestTest):
    unpatched = {"ten": "refused", "eleven": "refused"}
    patched = {"ten": "created", "eleven": "refused"}

    def probe(self, engine):
        return {"ten": self.deployed(engine, 10), "eleven": self.deployed(engine, 11)}

    def deployed(self, engine, metrics):
        stack = engine.deploy(engines.new_account(), template(metrics))
        return "created" if stack["StackStatus"] == "CREATE_COMPLETE" else "refused"
