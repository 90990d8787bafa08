import { useParams } from 'wouter';
import { AuditOverview } from '@/features/audit/components/AuditOverview';
import { AuditRecordPage } from '@/features/audit/components/AuditRecordPage';
import type { PageProps } from './PageProps';

/** Show the record that the address names, or the audit log. */
export default function AuditPage({ isAdmin }: PageProps) {
  const { id } = useParams<{ id?: string }>();
  return id === undefined ? <AuditOverview isAdmin={isAdmin} /> : <AuditRecordPage id={id} />;
}
