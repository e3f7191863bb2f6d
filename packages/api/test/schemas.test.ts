import type * as node from '@vsmcp/node'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import * as alertSchemas from '../src/alert-schemas.ts'
import type * as coordinationSchemas from '../src/coordination-schemas.ts'
import type * as groupSchemas from '../src/group-schemas.ts'
import * as schemas from '../src/schemas.ts'
import type * as selfSchemas from '../src/self-schemas.ts'
import { FakeControl } from './fake-control.ts'

/** `true` only when neither type has anything that the other lacks. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- T is what makes TypeScript compare the conditions
type Same<A, B> = (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false
type Flat<T> = T extends (infer I)[] ? Flat<I>[] : T extends object ? { [K in keyof T]: Flat<T[K]> } : T
type Out<S extends z.ZodType> = z.output<S>

/** Compiles only for equal types. */
const same = <A, B>(equal: Same<A, B>): boolean => equal

describe('schemas', () => {
  it('equal the types of NodeControl, both ways, at compile time', () => {
    const checks = [
      same<Out<typeof schemas.nodeStatus>, node.NodeStatus>(true),
      same<Out<typeof schemas.memberView>, node.MemberView>(true),
      same<Out<typeof schemas.waitConditions>, node.WaitConditions>(true),
      same<Out<typeof schemas.waitResult>, node.WaitResult>(true),
      same<Out<typeof schemas.invitationRequest>, node.InvitationRequest>(true),
      same<Out<typeof schemas.invitationCreated>, node.InvitationCreated>(true),
      same<Out<typeof schemas.invitationView>, node.InvitationView>(true),
      same<Out<typeof schemas.attachRequest>, node.AttachRequest>(true),
      same<Out<typeof schemas.attachResult>, node.AttachResult>(true),
      same<Out<typeof schemas.unitView>, node.UnitView>(true),
      same<Out<typeof schemas.applyRequest>, node.ApplyRequest>(true),
      same<Out<typeof schemas.applyResult>, node.ApplyResult>(true),
      same<Out<typeof coordinationSchemas.resourceView>, node.ResourceView>(true),
      same<Out<typeof coordinationSchemas.scheduleRequest>, node.ScheduleRequest>(true),
      same<Out<typeof coordinationSchemas.scheduleAdded>, node.ScheduleAdded>(true),
      same<Out<typeof coordinationSchemas.scheduleView>, node.ScheduleView>(true),
      same<Out<typeof schemas.toolView>, node.ToolView>(true),
      same<Out<typeof schemas.toolCallRequest>, Omit<node.ToolCallRequest, 'signal' | 'onProgress'>>(true),
      same<Out<typeof schemas.toolCallAnswer>, node.ToolCallAnswer>(true),
      same<Out<typeof schemas.toolCallProgress>, Parameters<NonNullable<node.ToolCallRequest['onProgress']>>[0]>(true),
      same<Out<typeof schemas.logsRequest>, Omit<node.LogsRequest, 'signal'>>(true),
      same<Out<typeof schemas.logLine>, node.LogLine>(true),
      same<Out<typeof schemas.charterView>, node.CharterView>(true),
      same<Out<typeof schemas.groupChange>, node.SignedChange & { group?: string }>(true),
      same<Out<typeof schemas.evictionDraft>, node.EvictionDraft>(true),
      same<Out<typeof schemas.signedEviction>, node.SignedEviction>(true),
      same<Out<typeof alertSchemas.alertView>, node.AlertView>(true),
      same<Out<typeof alertSchemas.alertEvent>, node.AlertEvent>(true),
      same<Out<typeof alertSchemas.alertsRequest>, node.AlertsRequest>(true),
      same<Out<typeof alertSchemas.alertRequest>, node.AlertRequest>(true),
      same<Out<typeof alertSchemas.alertRaised>, node.AlertRaised>(true),
      same<Out<typeof alertSchemas.alertMarkRequest>, node.AlertMarkRequest>(true),
      same<Out<typeof groupSchemas.groupView>, node.GroupView>(true),
      same<Out<typeof groupSchemas.groupCreateRequest>, node.GroupCreateRequest>(true),
      same<Out<typeof groupSchemas.groupRenameRequest>, node.GroupRenameRequest>(true),
      same<Out<typeof groupSchemas.seatRequest>, node.SeatRequest>(true),
      same<Out<typeof schemas.keysView>, node.KeysView>(true),
      same<Out<typeof schemas.doctorReport>, node.DoctorReport>(true),
      same<Out<typeof selfSchemas.forecastRequest>, node.ForecastRequest>(true),
      same<Out<typeof selfSchemas.forecastView>, node.ForecastView>(true),
      same<Out<typeof selfSchemas.feedRequest>, node.FeedRequest>(true),
      same<Out<typeof selfSchemas.feedView>, node.FeedView>(true),
      same<Out<typeof selfSchemas.whatIfRequest>, node.WhatIfRequest>(true),
      same<Out<typeof selfSchemas.futureView>, node.FutureView>(true),
      same<Out<typeof selfSchemas.partView>, node.PartView>(true),
      same<Out<typeof selfSchemas.selfView>, node.SelfView>(true),
      // The check itself can fail: these differ in one optional field, one nullability.
      // @ts-expect-error a field is missing
      same<{ a: string; b?: number }, { a: string }>(true),
      // @ts-expect-error null is missing
      same<{ a: string | null }, { a: string }>(true),
    ]
    expect(checks.every(Boolean)).toBe(true)
  })

  it('refuse a unit name that no tool name could carry', () => {
    const attach = { source: { kind: 'http', url: 'http://x', headers: {} }, startTimeoutMs: 1, replace: false }
    expect(schemas.attachRequest.safeParse({ ...attach, name: 'files-2' }).success).toBe(true)
    for (const name of ['', '-a', 'Files', 'a__b', 'a'.repeat(25)]) {
      expect(schemas.attachRequest.safeParse({ ...attach, name }).success, name).toBe(false)
    }
  })

  it('accept what a node answers', async () => {
    const control = new FakeControl()
    expect(schemas.nodeStatus.parse(await control.status())).toEqual(await control.status())
    expect(alertSchemas.alertView.array().parse(await control.alerts({ all: true }))).toEqual(await control.alerts({ all: true }))
    expect(schemas.memberView.array().parse(await control.members())).toEqual(await control.members())
  })
})
