import type { ReactNode } from 'react';
import { Link, useSearch } from 'wouter';
import { type AuditRecordDetail, useAuditRecord } from '@/api/audit';
import { displayName } from '@/api/providers';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Skeleton } from '@/components/ui/Skeleton';
import { useFailureText } from '@/i18n/useFailureText';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import { pathWith } from '../utils/auditFilters';
import { AttemptTable } from './AttemptTable';
import styles from './Audit.module.css';
import { AuditStatusBadge } from './AuditStatusBadge';

/** Page of one audit record: metadata, attempts, content and accesses. */
export function AuditRecordPage({ id }: { readonly id: string }) {
  const t = useTexts(auditTexts);
  const record = useAuditRecord(id);
  const filters = useSearch();
  return (
    <div className={styles.page}>
      <Link href={pathWith(filters, '/audit')} className={styles.link ?? ''}>
        ← {t('back')}
      </Link>
      {record.isPending && <Skeleton height="40rem" />}
      {record.isError && <ErrorState error={record.error} onRetry={() => void record.refetch()} />}
      {record.isSuccess && <AuditRecordDetails record={record.data} />}
    </div>
  );
}

function AuditRecordDetails({ record }: { readonly record: AuditRecordDetail }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const accesses = record.accesses.map((access) => ({
    ...access,
    text: t(`accesses.${access.kind}`, { user: access.userId, moment: format.moment(access.at) }),
  }));
  return (
    <>
      <h1 className={styles.title}>{t('record')}</h1>
      <Card title={format.moment(record.at)} actions={<AuditStatusBadge status={record.status} />}>
        <AuditRecordFacts record={record} />
      </Card>
      <Card title={t('attempts.title')}>
        <AttemptTable attempts={record.attempts} />
      </Card>
      <AuditRecordContent record={record} />
      <Card title={t('accesses.title')}>
        {accesses.length === 0 && <EmptyState title={t('accesses.none')} />}
        <ul className={styles.list}>
          {accesses.map((access) => (
            <li key={`${access.at} ${access.userId} ${access.kind}`}>{access.text}</li>
          ))}
        </ul>
      </Card>
    </>
  );
}

function AuditRecordFacts({ record }: { readonly record: AuditRecordDetail }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const failureText = useFailureText();
  const { usage } = record;
  const known = (value: number | null, show: (value: number) => string) =>
    value === null ? t('unknown') : show(value);
  const facts: readonly (readonly [string, ReactNode])[] = [
    [t('facts.id'), <code key="id">{record.id}</code>],
    [t('columns.user'), record.userId],
    [t('columns.module'), record.module],
    [t('facts.endpoint'), record.endpoint],
    [t('columns.model'), `${displayName(record.provider)} · ${record.model}`],
    [
      t('columns.tokens'),
      t('facts.tokens', {
        total: format.integer(usage.totalTokens),
        input: known(usage.inputTokens, format.integer),
        output: known(usage.outputTokens, format.integer),
      }),
    ],
    [t('columns.cost'), known(usage.costUsd, format.usd)],
    [t('columns.time'), known(record.latencyMs, format.duration)],
    [t('facts.prompt'), `${record.task} ${record.promptVersion}`],
    [
      t('facts.error'),
      record.errorCode === null ? null : `${failureText(record.errorCode)} (${record.errorCode})`,
    ],
    [t('facts.ip'), record.ip],
    [t('facts.userAgent'), record.userAgent],
  ];
  return (
    <dl className={styles.facts}>
      {facts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Prompt and completion as plain text, never as HTML. */
function AuditRecordContent({ record: { prompt, answer } }: { readonly record: AuditRecordDetail }) {
  const t = useTexts(auditTexts);
  const texts = [
    ...(prompt?.system ? [{ name: t('content.system'), text: prompt.system }] : []),
    ...(prompt?.messages ?? []).map(({ role, text }) => ({
      name: role === 'assistant' ? t('content.earlierCompletion') : t('content.message'),
      text,
    })),
    ...(answer === null ? [] : [{ name: t('content.completion'), text: answer }]),
  ];
  return (
    <Card title={t('content.title')}>
      {texts.length === 0 && <EmptyState title={t('content.none')}>{t('content.noneHint')}</EmptyState>}
      {texts.map(({ name, text }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages have no id
        <section key={place} className={styles.part} aria-label={name}>
          <h3 className={styles.partName}>{name}</h3>
          <p className={styles.words}>{text}</p>
        </section>
      ))}
    </Card>
  );
}
