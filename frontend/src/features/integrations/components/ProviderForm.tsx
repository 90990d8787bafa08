import { useEffect, useRef, useState } from 'react';
import { type ConnectionCode, type ProviderConfig, useSaveConfig } from '@/api/configs';
import { asProblem } from '@/api/problem';
import { displayName, type ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { Switch } from '@/components/ui/Switch';
import { useToast } from '@/components/ui/Toast';
import { useFieldError } from '@/i18n/useFieldError';
import { useTexts } from '@/i18n/useTexts';
import { useConnectionTest } from '../hooks/useConnectionTest';
import { integrationsTexts } from '../i18n/integrationsTexts';
import ptBR from '../i18n/pt-BR.json';
import { ConnectionTestResult } from './ConnectionTestResult';
import styles from './Integrations.module.css';
import { ModelInput } from './ModelInput';

const KEY_LENGTH_MAX = 512;

interface ProviderFormProps {
  readonly provider: ProviderName;
  readonly config: ProviderConfig | null;
  readonly onDone: () => void;
}

/** Form for a provider's key and model. The API tests them before saving; users can save without a test if it fails. */
export function ProviderForm({ provider, config, onDone }: ProviderFormProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveConfig(provider);
  const { test, run } = useConnectionTest(provider);
  const fieldError = useFieldError(save.error);
  const [apiKey, setApiKey] = useState('');
  const [model, setModel] = useState(config?.model ?? '');
  const [isDefault, setDefault] = useState(config?.isDefault ?? false);
  const testFailed = save.isError && asProblem(save.error).code === 'provider_test_failed';
  // Without a new key the saved one stays.
  const input = { ...(apiKey === '' ? {} : { apiKey }), model };
  const errorOf = testFailed ? () => undefined : fieldError;

  // Results of earlier inputs do not apply to the new ones.
  const edit = (change: () => void) => {
    change();
    test.reset();
    save.reset();
  };
  const submit = (validate: boolean) =>
    save.mutate(
      { ...input, ...(isDefault ? { isDefault } : {}), validate },
      {
        onSuccess: () => {
          toast.success({ title: t('provider.saved', { name: displayName(provider) }) });
          onDone();
        },
      },
    );
  return (
    <form
      className={styles.stack}
      onSubmit={(event) => {
        event.preventDefault();
        submit(true);
      }}
    >
      <ApiKeyField
        config={config}
        value={apiKey}
        onChange={(key) => edit(() => setApiKey(key))}
        error={errorOf('apiKey')}
      />
      <Field
        label={t('provider.model')}
        hint={config === null ? t('model.typed') : undefined}
        error={errorOf('model')}
      >
        <ModelInput
          provider={provider}
          isConfigured={config !== null}
          value={model}
          onChange={(name) => edit(() => setModel(name))}
          required
        />
      </Field>
      <Switch
        label={t('provider.makeDefault')}
        checked={isDefault}
        disabled={config?.isDefault ?? false}
        onChange={setDefault}
      />
      {!test.isIdle && !test.isPending && <ConnectionTestResult test={test} last={null} />}
      {save.isError && <SaveProviderError error={save.error} />}
      <div className={styles.actions}>
        <Button type="submit" variant="primary" busy={save.isPending}>
          {t('form.save')}
        </Button>
        {testFailed && (
          <Button busy={save.isPending} onClick={() => submit(false)}>
            {t('form.saveAnyway')}
          </Button>
        )}
        <Button
          busy={test.isPending}
          disabled={model === '' || (config === null && apiKey === '')}
          onClick={() => run(input)}
        >
          {t('test.run')}
        </Button>
        <Button variant="ghost" onClick={onDone}>
          {t('form.cancel')}
        </Button>
      </div>
    </form>
  );
}

interface ApiKeyFieldProps {
  readonly config: ProviderConfig | null;
  readonly value: string;
  readonly onChange: (key: string) => void;
  readonly error: string | undefined;
}

/** Write-only field: the API returns only the mask of a saved key. */
function ApiKeyField({ config, value, onChange, error }: ApiKeyFieldProps) {
  const t = useTexts(integrationsTexts);
  const input = useRef<HTMLInputElement>(null);
  // The button that opened the form is unmounted, so move the focus here.
  useEffect(() => input.current?.focus(), []);
  return (
    <Field
      label={t('form.key')}
      hint={config === null ? t('form.keyHint') : t('form.keyKept', { mask: config.apiKey })}
      error={error}
    >
      <Input
        ref={input}
        type="password"
        value={value}
        onChange={(event) => onChange(event.target.value.trim())}
        autoComplete="new-password"
        spellCheck={false}
        maxLength={KEY_LENGTH_MAX}
        required={config === null}
        placeholder={config?.apiKey}
      />
    </Field>
  );
}

/** Error of a failed save, with the reason if the connection test failed. */
function SaveProviderError({ error }: { readonly error: Error }) {
  const t = useTexts(integrationsTexts);
  const { document } = asProblem(error);
  const reason = document?.reason ?? '';
  return (
    <ErrorState error={error}>
      {isConnectionCode(reason) && <p className={styles.text}>{t(`test.codes.${reason}`)}</p>}
    </ErrorState>
  );
}

function isConnectionCode(reason: string): reason is ConnectionCode {
  return reason in ptBR.test.codes;
}
