/** Runs in a thread of its own: what is exported here is called by name, with what can be cloned. */
export { simulateFutures } from '@vsmcp/vsm'
