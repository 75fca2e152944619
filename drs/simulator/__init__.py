"""A DRS to try things on: speaks the wire protocol, so that an unmodified boto3 or AWS CLI works against it.

    python -m drs.simulator --scenario demo --speed 60 --port 8800
    export AWS_ENDPOINT_URL=http://127.0.0.1:8800 AWS_ACCESS_KEY_ID=AKIADRSORCHSIMULATOR AWS_SECRET_ACCESS_KEY=any
    aws drs describe-source-servers --region eu-central-1
    curl -d '{"name": "lost_answer", "count": 1}' $AWS_ENDPOINT_URL/_sim/faults

From the wire inwards: `apis` (`server` holds the sockets; a module for each protocol; `control` is the door for tests),
`world` (one call: who, where, which fault), `operations` (what each call does: `drs`, and `runs` for steps; `model`
reads routes, validation and the check of answers from botocore), `region` (jobs moving on with the clock), `jobs` (when
what happens), `runs` (what steps have started).
In one process, without HTTP: `inprocess.InProcessDrs`; over HTTP in a test: `testing.serve`.
"""
