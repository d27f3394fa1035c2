/** What routers that stand beside one another tell each other. @module */
export { type Bus, isPeerId, type PeerId } from "./bus.ts";
