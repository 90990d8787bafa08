import { type FormEvent, type ReactNode, useState } from 'react';
import type { AuditFilters, AuditStatus } from '@/api/audit';
import { displayName, PROVIDERS, type ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { useFieldError } from '@/i18n/useFieldError';
import { useTexts } from '@/i18n/useTexts';
import { auditTexts } from '../i18n/auditTexts';
import { type FilterFields, fieldsOf, filtersOf, STATUSES } from '../utils/auditFilters';
import styles from './Audit.module.css';

const NO_FILTERS = fieldsOf(new URLSearchParams());

interface AuditFilterFormProps {
  readonly initial?: FilterFields;
  /** Show the user filter. Other users see only their own records. */
  readonly isAdmin: boolean;
  readonly submitLabel: string;
  /** Called on submit only, so that a half-typed name sends no request. */
  readonly onSubmit: (filters: AuditFilters) => void;
  readonly onClear?: () => void;
  readonly busy?: boolean;
  /** Error of the last request. Its field errors are shown at the fields. */
  readonly error: Error | null;
  readonly children?: ReactNode;
}

/** Form for filters of audit records. */
export function AuditFilterForm(props: AuditFilterFormProps) {
  const t = useTexts(auditTexts);
  const { initial = NO_FILTERS } = props;
  const [fields, setFields] = useState(initial);
  const [lastInitial, setLastInitial] = useState(initial);
  // The browser's back button changes the filters of the address, so reset the form to them.
  if (JSON.stringify(lastInitial) !== JSON.stringify(initial)) {
    setLastInitial(initial);
    setFields(initial);
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit(filtersOf(fields));
  };
  const clear = () => {
    setFields(NO_FILTERS);
    props.onClear?.();
  };
  return (
    <form className={styles.page} onSubmit={submit}>
      <AuditFilterInputs fields={fields} onChange={setFields} isAdmin={props.isAdmin} error={props.error} />
      {props.children}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={props.busy ?? false}>
          {props.submitLabel}
        </Button>
        <Button onClick={clear}>{t('filters.clear')}</Button>
      </div>
    </form>
  );
}

interface AuditFilterInputsProps {
  readonly fields: FilterFields;
  readonly onChange: (fields: FilterFields) => void;
  readonly isAdmin: boolean;
  readonly error: Error | null;
}

function AuditFilterInputs({ fields, onChange, isAdmin, error }: AuditFilterInputsProps) {
  const t = useTexts(auditTexts);
  const fieldError = useFieldError(error);
  const input = (name: 'from' | 'to' | 'userId' | 'module') => ({
    value: fields[name],
    onChange: (event: { target: { value: string } }) => onChange({ ...fields, [name]: event.target.value }),
  });
  return (
    <div className={styles.filters}>
      <Field label={t('filters.from')} error={fieldError('from')}>
        <Input type="datetime-local" {...input('from')} />
      </Field>
      <Field label={t('filters.to')} error={fieldError('to')}>
        <Input type="datetime-local" min={fields.from} {...input('to')} />
      </Field>
      {isAdmin && (
        <Field label={t('filters.user')} error={fieldError('userId')}>
          <Input maxLength={256} autoComplete="off" {...input('userId')} />
        </Field>
      )}
      <Field label={t('filters.module')} error={fieldError('module')}>
        <Input maxLength={64} autoComplete="off" {...input('module')} />
      </Field>
      <Field label={t('filters.provider')}>
        <Select<ProviderName | 'any'>
          value={fields.provider}
          onChange={(provider) => onChange({ ...fields, provider })}
          options={[
            { value: 'any', label: t('filters.any') },
            ...PROVIDERS.map((value) => ({ value, label: displayName(value) })),
          ]}
        />
      </Field>
      <Field label={t('filters.status')}>
        <Select<AuditStatus | 'any'>
          value={fields.status}
          onChange={(status) => onChange({ ...fields, status })}
          options={[
            { value: 'any', label: t('filters.any') },
            ...STATUSES.map((value) => ({ value, label: t(`statuses.${value}`) })),
          ]}
        />
      </Field>
    </div>
  );
}
