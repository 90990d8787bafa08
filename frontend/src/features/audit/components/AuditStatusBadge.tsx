import type { AuditStatus } from '@/api/audit';
import { Badge } from '@/components/ui/Badge';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import ptBR from '../i18n/pt-BR.json';

const TONES = {
  open: 'neutral',
  answered: 'success',
  cached: 'accent',
  rejected: 'warning',
  failed: 'danger',
  abandoned: 'danger',
} as const;

function isStatus(status: string): status is AuditStatus {
  return status in ptBR.statuses;
}

export function AuditStatusBadge({ status }: { readonly status: string }) {
  const t = useTexts(auditTexts);
  if (!isStatus(status)) return <Badge>{status}</Badge>;
  return <Badge tone={TONES[status]}>{t(`statuses.${status}`)}</Badge>;
}
