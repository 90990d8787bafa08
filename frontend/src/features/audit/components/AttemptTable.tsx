import type { AuditRecordDetail } from '@/api/audit';
import { displayName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { EmptyState } from '@/components/ui/EmptyState';
import { type Column, Table } from '@/components/ui/Table';
import { useFailureText } from '@/i18n/useFailureText';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import ptBR from '../i18n/pt-BR.json';

type Attempt = AuditRecordDetail['attempts'][number];
type Outcome = keyof typeof ptBR.attempts.outcomes;

function isOutcome(outcome: string): outcome is Outcome {
  return outcome in ptBR.attempts.outcomes;
}

/** Table of a request's attempts in order, with the tokens and costs that were settled. */
export function AttemptTable({ attempts }: { readonly attempts: readonly Attempt[] }) {
  const t = useTexts(auditTexts);
  const format = useFormat();
  const failureText = useFailureText();
  if (attempts.length === 0) return <EmptyState title={t('attempts.none')} />;
  const columns: readonly Column<Attempt & { readonly place: number }>[] = [
    { key: 'place', header: t('attempts.place'), cell: ({ place }) => place + 1 },
    {
      key: 'model',
      header: t('columns.model'),
      cell: ({ provider, model }) => `${displayName(provider)} · ${model}`,
    },
    {
      key: 'outcome',
      header: t('columns.status'),
      cell: ({ outcome, errorCode }) => (
        <Badge tone={outcome === 'answered' ? 'success' : 'danger'}>
          {isOutcome(outcome) ? t(`attempts.outcomes.${outcome}`) : outcome}
          {errorCode === null ? '' : ` (${failureText(errorCode)})`}
        </Badge>
      ),
    },
    {
      key: 'tokens',
      header: t('columns.tokens'),
      cell: ({ tokens, estimated, overrun }) => (
        <>
          {format.integer(tokens)} {estimated && t('attempts.estimated')} {overrun && t('attempts.overrun')}
        </>
      ),
      numeric: true,
    },
    {
      key: 'cost',
      header: t('columns.cost'),
      cell: ({ costUsd }) => (costUsd === null ? t('unknown') : format.usd(costUsd)),
      numeric: true,
    },
    {
      key: 'time',
      header: t('columns.time'),
      cell: ({ latencyMs }) => format.duration(latencyMs),
      numeric: true,
    },
  ];
  const rows = attempts.map((attempt, place) => ({ ...attempt, place }));
  return (
    <Table
      caption={t('attempts.title')}
      columns={columns}
      rows={rows}
      rowKey={({ place }) => String(place)}
    />
  );
}
