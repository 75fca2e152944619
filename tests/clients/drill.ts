/* A drill by the generated TypeScript client: a group, a plan, a run, its end, its report. Prints what the test wants to
 * know.
 *
 *     DRSORCH_URL=… DRSORCH_TOKEN=… node drill.js <site> <name>
 */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; env: Record<string, string | undefined>; exitCode: number };

type Execution = components["schemas"]["Execution"];
type Problem = components["schemas"]["Problem"];

const [, , site = "", name = ""] = process.argv;
const api = createClient<paths>({
  baseUrl: (process.env["DRSORCH_URL"] ?? "").replace(/\/$/, ""),
  headers: { Authorization: `Bearer ${process.env["DRSORCH_TOKEN"]}` },
});

/** The answer; or an error with the sentence of the problem that it is. */
function sure<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error((error as Problem).detail);
  return data;
}

async function main(): Promise<void> {
  const found = sure(
    await api.GET("/api/v1/source-servers/", {
      params: { query: { site, unprotected: true, tag: ["App:payroll"] } },
    }),
  );
  const server = found.results[0];
  if (server === undefined) throw new Error("There is no server.");
  const group = sure(
    await api.POST("/api/v1/protection-groups/", { body: { name, site, servers: [server.source_server_id] } }),
  );
  const members = sure(
    await api.GET("/api/v1/protection-groups/{id}/members/", { params: { path: { id: String(group.id) } } }),
  );
  if (members.results.length !== 1) throw new Error("The group has other members.");

  const settle: components["schemas"]["WaitStepRequest"] = {
    name: "Settle", when: "after", kind: "wait", parameters: { seconds: 1 },
  };
  const document: components["schemas"]["PlanRequest"] = {
    name, rto_target_seconds: 3600, waves: [{ name: "All", protection_groups: [name], steps: [settle] }],
  };
  const plan = sure(await api.POST("/api/v1/plans/", { body: document }));
  for (const step of plan.waves.flatMap((wave) => wave.steps)) {
    // The kind tells the type of the parameters.
    if (step.kind === "wait" && step.parameters.seconds !== 1) throw new Error("The step waits for something else.");
  }
  const stale = await api.PUT("/api/v1/plans/{id}/", {
    params: { path: { id: String(plan.id) }, header: { "If-Match": '"7"' } }, body: document,
  });
  if (stale.error?.type !== "urn:drsorch:problem:stale") throw new Error("A version that there is not was taken.");
  const readiness = sure(
    await api.GET("/api/v1/plans/{id}/readiness/", { params: { path: { id: String(plan.id) } } }),
  );
  if (!readiness.ready) throw new Error(readiness.findings.map((finding) => finding.message).join(" "));

  const start = () => api.POST("/api/v1/executions/", {
    params: { header: { "Idempotency-Key": name } },
    body: { plan: name, kind: "drill", reason: "A generated client tries it" },
  });
  const first = sure(await start());
  if (sure(await start()).id !== first.id) throw new Error("The same key started something twice.");

  let drill: Execution = first;
  let etag = "";
  let unchanged = 0;
  const deadline = Date.now() + 90_000;
  while (drill.finished_at === null) {
    if (Date.now() > deadline) throw new Error(`It takes too long: ${JSON.stringify(drill)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const answer = await api.GET("/api/v1/executions/{id}/", {
      params: { path: { id: first.id }, header: { "If-None-Match": etag } },
    });
    if (answer.response.status === 304) {
      unchanged += 1;
      continue;
    }
    drill = sure(answer);
    etag = answer.response.headers.get("ETag") ?? "";
  }

  const report = sure(await api.GET("/api/v1/executions/{id}/report/", { params: { path: { id: first.id } } }));
  const of = (report as { identity: { execution_id: string } }).identity.execution_id;
  const launched = drill.waves.flatMap((wave) => wave.servers.map((one) => one.hostname));
  console.log(JSON.stringify({ status: drill.status, launched, unchanged, report_of: of, id: first.id }));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
