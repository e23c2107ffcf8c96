const idPlaceholder = 'INSTANCEID';
export const managementPath = '/runtime/webhooks/durabletask';

export interface ManagementUrls {
  id: string;
  statusQueryGetUri: string;
  sendEventPostUri: string;
  terminatePostUri: string;
  rewindPostUri: string;
  purgeHistoryDeleteUri: string;
  restartPostUri: string;
  suspendPostUri: string;
  resumePostUri: string;
}

/** The URLs a client gets for an instance. `origin` is where the request came to, `key` opens the management API. */
export function managementUrls(origin: string, hub: string, key: string, instanceId: string): ManagementUrls {
  const instance = `${origin}${managementPath}/instances/${instanceId}`;
  const query = `taskHub=${hub}&connection=Storage&code=${key}`;
  return {
    id: instanceId,
    statusQueryGetUri: `${instance}?${query}`,
    sendEventPostUri: `${instance}/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${instance}/terminate?reason={text}&${query}`,
    rewindPostUri: `${instance}/rewind?reason={text}&${query}`,
    purgeHistoryDeleteUri: `${instance}?${query}`,
    restartPostUri: `${instance}/restart?${query}`,
    suspendPostUri: `${instance}/suspend?reason={text}&${query}`,
    resumePostUri: `${instance}/resume?reason={text}&${query}`,
  };
}

/** What a `durableClient` input binding receives. Calls of the app's client go to `rpcBaseUrl`; the other URLs are handed out to callers. */
export function clientPayload(origin: string, hub: string, key: string, rpcBaseUrl: string): string {
  const create = `${origin}${managementPath}/orchestrators/{functionName}[/{instanceId}]`;
  return JSON.stringify({
    taskHubName: hub,
    creationUrls: {
      createNewInstancePostUri: `${create}?code=${key}`,
      createAndWaitOnNewInstancePostUri: `${create}?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&code=${key}`,
    },
    managementUrls: managementUrls(origin, hub, key, idPlaceholder),
    baseUrl: `${origin}${managementPath}`,
    requiredQueryStringParameters: `code=${key}`,
    rpcBaseUrl,
  });
}
