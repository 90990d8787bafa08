import { useSearchParams } from 'wouter';
import type { AuditFilters } from '@/api/audit';
import { type FilterFields, fieldsOf } from '../utils/auditFilters';

interface AddressFilters {
  readonly fields: FilterFields;
  readonly setFilters: (filters: AuditFilters) => void;
}

/** Keep the filters in the page's address, so that it can be shared and the back button restores them. */
export function useAddressFilters(): AddressFilters {
  const [address, setAddress] = useSearchParams();
  return { fields: fieldsOf(address), setFilters: (filters) => setAddress({ ...filters }) };
}
