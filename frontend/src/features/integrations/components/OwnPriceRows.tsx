import { Input } from '@/components/ui/Input';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { newPriceRow, type PriceRow } from '../utils/modelRows';
import styles from './Integrations.module.css';
import { ModelRowFields, RemoveRowButton, RowGroup } from './RowGroup';

interface OwnPriceRowsProps {
  readonly rows: readonly PriceRow[];
  readonly onChange: (rows: readonly PriceRow[]) => void;
  readonly error: string | undefined;
}

/** Rows of the tenant's prices for models that are missing from the price list. */
export function OwnPriceRows({ rows, onChange, error }: OwnPriceRowsProps) {
  const t = useTexts(integrationsTexts);
  const change = (id: string, changed: Partial<PriceRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...changed } : row)));
  return (
    <RowGroup
      title={t('preferences.prices')}
      hint={t('preferences.pricesHint')}
      addLabel={t('preferences.addPrice')}
      onAdd={() => onChange([...rows, newPriceRow()])}
      error={error}
    >
      {rows.map((row, place) => (
        <div key={row.id} className={styles.entry}>
          <ModelRowFields row={row} place={place} onChange={(changed) => change(row.id, changed)} />
          {(['input', 'output', 'context'] as const).map((name) => (
            <Input
              key={name}
              type="number"
              min={name === 'context' ? 1 : 0}
              step={name === 'context' ? 1 : '0.000001'}
              required={name !== 'context'}
              aria-label={t(`preferences.rowNumbers.${name}`, { number: place + 1 })}
              placeholder={t(`preferences.placeholders.${name}`)}
              value={row[name]}
              onChange={(event) => change(row.id, { [name]: event.target.value })}
            />
          ))}
          <RemoveRowButton place={place} onRemove={() => onChange(rows.filter((one) => one.id !== row.id))} />
        </div>
      ))}
    </RowGroup>
  );
}
