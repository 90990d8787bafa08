import { type FormEvent, useState } from 'react';
import { type Preferences, usePreferences, useSavePreferences } from '../../../api/preferences';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFieldError } from '../../../i18n/useFieldError';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, isProviderName, PROVIDERS, type ProviderName } from '../../../providers';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { ErrorState } from '../../ui/ErrorState';
import { Field } from '../../ui/Field';
import { Input } from '../../ui/Input';
import { Select } from '../../ui/Select';
import { Skeleton } from '../../ui/Skeleton';
import { Switch } from '../../ui/Switch';
import { useToast } from '../../ui/Toast';
import { changesOf } from './changesOf';
import styles from './Integrations.module.css';
import { asModelRows, asModels, type ModelRow, ModelRows } from './ModelRows';
import { asPriceRows, asPrices, type PriceRow, PriceRows } from './PriceRows';

const CACHE_DAYS_MAX = 30;
const CONTENTS = ['full', 'redacted', 'none'] as const;
const LANGUAGES = ['pt-BR', 'en'] as const;

/** What is kept, in which language mails are, what may be used, and prices that only the company knows. */
export function PreferencesForm() {
  const t = useTexts(integrationsTexts);
  const preferences = usePreferences();
  return (
    <Card title={t('preferences.title')}>
      {preferences.isPending && <Skeleton height="30rem" />}
      {preferences.isError && (
        <ErrorState error={preferences.error} onRetry={() => void preferences.refetch()} />
      )}
      {preferences.data !== undefined && <Form preferences={preferences.data} />}
    </Card>
  );
}

function Form({ preferences }: { readonly preferences: Preferences }) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSavePreferences();
  const fieldError = useFieldError(save.error);
  const [cacheDays, setCacheDays] = useState(String(preferences.cacheTtlDays));
  const [auditContent, setAuditContent] = useState(preferences.auditContent);
  const [mailLanguage, setMailLanguage] = useState(preferences.mailLanguage);
  const [allowed, setAllowed] = useState<readonly ProviderName[]>(
    () => preferences.allowedProviders?.filter(isProviderName) ?? PROVIDERS,
  );
  const [models, setModels] = useState<readonly ModelRow[]>(() =>
    (preferences.allowedModels ?? []).flatMap(asModelRows),
  );
  const [prices, setPrices] = useState<readonly PriceRow[]>(() => preferences.prices.flatMap(asPriceRows));

  const written = {
    cacheTtlDays: Number(cacheDays),
    auditContent,
    mailLanguage,
    allowedProviders: allowed.length === PROVIDERS.length ? null : [...allowed],
    allowedModels: models.length === 0 ? null : asModels(models),
    prices: asPrices(prices),
  };
  const [saved, setSaved] = useState(written);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(changesOf(saved, written), {
      onSuccess: () => {
        setSaved(written);
        toast.done({ title: t('preferences.saved') });
      },
    });
  };
  return (
    <form className={styles.stack} onSubmit={submit}>
      <div className={styles.columns}>
        <Field
          label={t('preferences.cache')}
          hint={t('preferences.cacheHint')}
          error={fieldError('cacheTtlDays')}
        >
          <Input
            type="number"
            min={0}
            max={CACHE_DAYS_MAX}
            required
            value={cacheDays}
            onChange={(event) => setCacheDays(event.target.value)}
          />
        </Field>
        <Field label={t('preferences.content')} hint={t(`preferences.contentHints.${auditContent}`)}>
          <Select
            value={auditContent}
            onChange={setAuditContent}
            options={CONTENTS.map((value) => ({ value, label: t(`preferences.contents.${value}`) }))}
          />
        </Field>
        <Field label={t('preferences.mails')}>
          <Select
            value={mailLanguage}
            onChange={setMailLanguage}
            options={LANGUAGES.map((value) => ({ value, label: t(`preferences.languages.${value}`) }))}
          />
        </Field>
      </div>
      <AllowedProviders value={allowed} onChange={setAllowed} error={fieldError('allowedProviders')} />
      <ModelRows rows={models} onChange={setModels} error={fieldError('allowedModels')} />
      <PriceRows rows={prices} onChange={setPrices} error={fieldError('prices')} />
      {save.isError && <ErrorState error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('preferences.save')}
        </Button>
      </div>
    </form>
  );
}

interface AllowedProvidersProps {
  readonly value: readonly ProviderName[];
  readonly onChange: (value: readonly ProviderName[]) => void;
  readonly error: string | undefined;
}

function AllowedProviders({ value, onChange, error }: AllowedProvidersProps) {
  const t = useTexts(integrationsTexts);
  return (
    <fieldset className={styles.group}>
      <legend>{t('preferences.providers')}</legend>
      <p className={styles.muted}>{t('preferences.providersHint')}</p>
      <div className={styles.switches}>
        {PROVIDERS.map((provider) => (
          <Switch
            key={provider}
            label={displayName(provider)}
            checked={value.includes(provider)}
            // None at all is no choice: a limit of 0 blocks everything.
            disabled={value.length === 1 && value.includes(provider)}
            onChange={(isAllowed) =>
              onChange(PROVIDERS.filter((one) => (one === provider ? isAllowed : value.includes(one))))
            }
          />
        ))}
      </div>
      {error !== undefined && <p className={styles.error}>{error}</p>}
    </fieldset>
  );
}
