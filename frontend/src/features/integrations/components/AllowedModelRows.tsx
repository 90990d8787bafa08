import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { type ModelRow, newModelRow } from '../utils/modelRows';
import styles from './Integrations.module.css';
import { ModelRowFields, RemoveRowButton, RowGroup } from './RowGroup';

interface AllowedModelRowsProps {
  readonly rows: readonly ModelRow[];
  readonly onChange: (rows: readonly ModelRow[]) => void;
  readonly error: string | undefined;
}

/** Rows of allowed models. A provider without a row may use all its models. */
export function AllowedModelRows({ rows, onChange, error }: AllowedModelRowsProps) {
  const t = useTexts(integrationsTexts);
  return (
    <RowGroup
      title={t('preferences.models')}
      hint={t('preferences.modelsHint')}
      addLabel={t('preferences.addModel')}
      onAdd={() => onChange([...rows, newModelRow()])}
      error={error}
    >
      {rows.map((row, place) => (
        <div key={row.id} className={styles.entry}>
          <ModelRowFields
            row={row}
            place={place}
            onChange={(changed) =>
              onChange(rows.map((one) => (one.id === row.id ? { ...one, ...changed } : one)))
            }
          />
          <RemoveRowButton place={place} onRemove={() => onChange(rows.filter((one) => one.id !== row.id))} />
        </div>
      ))}
    </RowGroup>
  );
}
